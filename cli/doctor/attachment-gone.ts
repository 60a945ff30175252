/** Attachments that a runtime made and never detached: their network namespace is gone. */

import type { Check } from "./finding.ts";
import { type NetworkTraces, networkTraces } from "./network-traces.ts";
import { attachmentInWords, counted, few } from "./words.ts";

export const attachmentGone: Check = (examined) =>
  networkTraces(examined).flatMap((network) => {
    const gone = network.attachments.filter(({ kept, isAlive }) => kept && !isAlive);
    if (gone.length === 0) return [];
    const named = few(gone.map(({ owner }) => attachmentInWords(owner)));
    const finding = `Network "${network.name}" has ${counted(gone.length, "attachment")} whose namespace is gone: ${named}`;
    return [{ id: "attachment-gone", level: "warning", finding, advice: adviceFor(network) }];
  });

function adviceFor({ name, list }: NetworkTraces): string {
  if (list?.disableGC !== true) return `Run "weft gc ${name} --yes"`;
  return `Run "weft del ${name} --container-id ID" for each, since the network says disableGC`;
}
