/** Tables of the packet filter older than nf_tables, which nf_tables do not show. */

import * as host from "host";
import { closeFile, O_RDONLY, readToEnd } from "../host/file.ts";
import type { Family } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";

/** True if there is a nat table, for this family or, without one, for either. */
export function hasLegacyNat(ns: Netns, family?: Family): boolean {
  const families = family === undefined ? ([4, 6] as const) : [family];
  return families.some((of) => hasLegacyTable(ns, of, "nat"));
}

/** True if there is a table of this name. */
export function hasLegacyTable(ns: Netns, family: Family, name: "nat" | "filter"): boolean {
  const path = `/proc/thread-self/net/${family === 4 ? "ip" : "ip6"}_tables_names`;
  const fd = ns.open(path, O_RDONLY);
  if (fd < 0) return false;
  try {
    return (host.decode(readToEnd(fd, path)) ?? "").split("\n").includes(name);
  } finally {
    closeFile(fd);
  }
}
