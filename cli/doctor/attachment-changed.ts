/** Living attachments of which the kernel shows something else than their result says. */

import { findChanges } from "../../lib/inventory/kept-state.ts";
import { addressesOf, hostLinksOf } from "../results.ts";
import type { Check, Examined } from "./finding.ts";
import { networkTraces, type TracedAttachment } from "./network-traces.ts";
import { attachmentInWords, few } from "./words.ts";

export const attachmentChanged: Check = (examined) =>
  networkTraces(examined).flatMap(({ name, attachments }) => {
    const changes = attachments.flatMap((each) => changesOf(examined, each));
    if (changes.length === 0) return [];
    const finding = `Network "${name}" is not as it was attached: ${few(changes)}`;
    const advice = "Attach these containers anew; whoever changed them will do so again";
    return [{ id: "attachment-changed", level: "error", finding, advice }];
  });

function changesOf({ host }: Examined, { owner, kept, isAlive }: TracedAttachment) {
  if (!kept || !isAlive) return [];
  const { netns, ifName, result } = kept;
  const told = { hostLinks: hostLinksOf(result), addresses: addressesOf(result) };
  const changes = findChanges(host, { netns, ifName, ...told });
  return changes.length === 0 ? [] : [`of ${attachmentInWords(owner)} ${changes.join(" and ")}`];
}
