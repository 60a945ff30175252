/** Names of links: what the kernel takes (dev_valid_name of net/core/dev.c). */

import * as host from "host";

/** IFNAMSIZ of linux/if.h, which counts the NUL at the end. */
const IFNAMSIZ = 16;

/** What is wrong with a name for a link, in words that follow it; undefined if nothing is. */
export function linkNameFault(name: string): string | undefined {
  if (name === "") return "is empty";
  if (host.encode(name).length >= IFNAMSIZ) {
    return `is too long: it should be less than ${IFNAMSIZ} characters`;
  }
  if (name === "." || name === "..") return "is . or ..";
  if (/[/:\s\u0085]/.test(name)) return "contains / or : or whitespace characters";
  if (name.includes("%")) return "contains %, in place of which the kernel would put a number";
  return undefined;
}
