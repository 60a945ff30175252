/** Living attachments whose address host-local would give to another: nothing reserves it. */

import { isReserved } from "../../lib/inventory/reserved.ts";
import { keptList } from "../attachment.ts";
import { addressesOf } from "../results.ts";
import { addressManagers, leaseDirectory } from "./address-managers.ts";
import type { Check, Examined } from "./finding.ts";
import { listOfNetwork, networkTraces, type TracedAttachment } from "./network-traces.ts";
import { attachmentInWords, few } from "./words.ts";

export const attachmentUnleased: Check = (examined) =>
  networkTraces(examined).flatMap(({ name, attachments }) => {
    const free = attachments.flatMap((each) => unreserved(examined, each));
    if (free.length === 0) return [];
    const finding = `Nothing reserves in network "${name}", so that others may get it too: ${few(free)}`;
    const advice = "Attach the container anew before another gets the address";
    return [{ id: "attachment-unleased", level: "error", finding, advice }];
  });

/** Each as `10.1.2.3 of eth0 of container 6f2c`. */
function unreserved(examined: Examined, { kept, isAlive, owner }: TracedAttachment) {
  const dataDir = kept && isAlive ? dataDirOf(examined, kept) : undefined;
  if (dataDir === undefined) return [];
  return addressesOf(kept?.result)
    .filter((address) => !isReserved(dataDir, owner, address))
    .map((address) => `${address} of ${attachmentInWords(owner)}`);
}

/** Where host-local keeps what it gives to an attachment; undefined if another gives addresses. */
function dataDirOf(
  examined: Examined,
  kept: NonNullable<TracedAttachment["kept"]>,
): string | undefined {
  const list = keptList(kept, examined.netconfPath) ?? listOfNetwork(examined, kept.network);
  const [manager, ...more] = list ? addressManagers(list) : [];
  return manager && more.length === 0 ? leaseDirectory(manager) : undefined;
}
