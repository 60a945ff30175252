/** A sysctl that a configuration sets twice: an object has it once, only the text still shows it. */

import { tokensOf } from "../../lib/cni/json-tokens.ts";

/** A name that one object under the key `sysctl` has twice, with its quotation marks. */
export function findDuplicate(text: string): string | undefined {
  if (!/"sysctl"/i.test(text)) return undefined;
  const open: { readonly names: Set<string>; readonly isSysctl: boolean }[] = [];
  let last = "";
  let key = "";
  for (const token of tokensOf(text)) {
    const inside = open.at(-1);
    if (token === ":") {
      if (inside?.isSysctl && inside.names.has(last)) return last;
      if (inside?.isSysctl) inside.names.add(last);
      key = last;
      continue;
    }
    if (token === "{" || token === "[") {
      open.push({ names: new Set(), isSysctl: token === "{" && key.toLowerCase() === '"sysctl"' });
    } else if (token === "}" || token === "]") {
      open.pop();
    }
    last = token;
    key = "";
  }
  return undefined;
}
