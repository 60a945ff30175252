/** Results that are kept of networks which no file has any more. */

import { keptList } from "../attachment.ts";
import type { Kept } from "../cache.ts";
import type { Check, Examined, Finding } from "./finding.ts";
import { listOfNetwork } from "./network-traces.ts";
import { attachmentInWords, few } from "./words.ts";

export const resultListless: Check = (examined) => {
  const orphans = examined.kept.filter(({ network }) => !listOfNetwork(examined, network));
  return [...new Set(orphans.map(({ network }) => network))].flatMap((network) => {
    const own = orphans.filter((kept) => kept.network === network);
    const lost = own.filter((kept) => !keptList(kept, examined.netconfPath));
    return lost.length > 0
      ? [lostFinding(examined, network, lost)]
      : [knownFinding(examined, network, own)];
  });
};

/** Nothing can run DEL for them. */
function lostFinding({ netconfPath }: Examined, network: string, lost: readonly Kept[]): Finding {
  const what = `No file in ${netconfPath} has network "${network}", and no list is kept of ${namesOf(lost)}`;
  const advice = "Put the network's file back, so that they can be detached";
  return { id: "result-listless", level: "warning", finding: what, advice };
}

/** They are detached by the list that was kept. */
function knownFinding({ netconfPath }: Examined, network: string, own: readonly Kept[]): Finding {
  const finding = `No file in ${netconfPath} has network "${network}" any more, of which is attached: ${namesOf(own)}`;
  const advice = "Put the network's file back, or detach them: the list that each had is kept";
  return { id: "network-gone", level: "note", finding, advice };
}

function namesOf(kept: readonly Kept[]): string {
  return few(kept.map(attachmentInWords));
}
