/** Living attachments of a network that were given one and the same address. */

import { addressesOf } from "../results.ts";
import type { Check } from "./finding.ts";
import { networkTraces, type TracedAttachment } from "./network-traces.ts";
import { attachmentInWords, few } from "./words.ts";

export const addressTwice: Check = (examined) =>
  networkTraces(examined).flatMap(({ name, attachments }) =>
    [...byAddress(attachments)].flatMap(([address, owners]) => {
      if (owners.size < 2) return [];
      const finding = `${address} in network "${name}" is that of ${few([...owners])}`;
      const advice = "Detach all but one of them, and attach them anew";
      return [{ id: "address-twice", level: "error", finding, advice }];
    }),
  );

function byAddress(attachments: readonly TracedAttachment[]): ReadonlyMap<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { owner, kept, isAlive } of attachments) {
    if (!isAlive) continue;
    for (const address of addressesOf(kept?.result)) {
      found.set(address, (found.get(address) ?? new Set()).add(attachmentInWords(owner)));
    }
  }
  return found;
}
