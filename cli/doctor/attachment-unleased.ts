/** Living attachments whose address host-local would give to another: nothing reserves it. */

import { isObject } from "../../lib/cni/json.ts";
import { isReserved } from "../../lib/inventory/reserved.ts";
import { keptList } from "../attachment.ts";
import { addressesOf } from "../results.ts";
import type { Check, Examined } from "./finding.ts";
import { listOfNetwork, networkTraces, type TracedAttachment } from "./network-traces.ts";
import { attachmentInWords } from "./words.ts";

export const attachmentUnleased: Check = (examined) =>
  networkTraces(examined).flatMap(({ name, attachments }) =>
    attachments.flatMap((attachment) => {
      const free = unreserved(examined, attachment);
      if (free.length === 0) return [];
      const whose = attachmentInWords(attachment.owner);
      const finding = `Nothing reserves ${free.join(" and ")} of ${whose} in network "${name}", so another may get it`;
      const advice = "Attach the container anew before another gets the address";
      return [{ id: "attachment-unleased", level: "error", finding, advice }];
    }),
  );

function unreserved(examined: Examined, { kept, isAlive, owner }: TracedAttachment) {
  const dataDir = kept && isAlive ? dataDirOf(examined, kept) : undefined;
  if (dataDir === undefined) return [];
  return addressesOf(kept?.result).filter((address) => !isReserved(dataDir, owner, address));
}

/** Where host-local keeps what it gives to an attachment; undefined if another gives addresses. */
function dataDirOf(
  examined: Examined,
  kept: NonNullable<TracedAttachment["kept"]>,
): string | undefined {
  const list = keptList(kept, examined.netconfPath) ?? listOfNetwork(examined, kept.network);
  const managers = (list?.plugins ?? []).flatMap(({ ipam }) => (isObject(ipam) ? [ipam] : []));
  const [manager, ...more] = managers.filter(({ type }) => type !== undefined);
  if (manager?.type !== "host-local" || more.length > 0) return undefined;
  const { dataDir } = manager;
  return typeof dataDir === "string" && dataDir !== "" ? dataDir : "/var/lib/cni/networks";
}
