/**
 * Which tables judge packets of a cluster's pods. What the host forwards passes those of IP. What its
 * bridges forward themselves passes these by br_netfilter, or a table of its own where it does not.
 */

import type { Netns } from "../net/netns.ts";
import { getTable } from "../netlink/nft-request.ts";
import { tracksOnBridges } from "./bridge-tracking.ts";
import { isBridgedApart } from "./bridged-packets.ts";
import { ask, whereThere } from "./nft-transaction.ts";
import { bridged, type ClusterTable, routed } from "./nftables/cluster-table.ts";

/** Those that are needed and that the kernel can have. */
export function neededTables(host: Netns): readonly ClusterTable[] {
  const isNeeded = isBridgedApart(host) && (hasBridgedTable(host) || tracksOnBridges(host));
  return isNeeded ? [routed, bridged] : [routed];
}

/** Those that may be there. */
export function presentTables(host: Netns): readonly ClusterTable[] {
  return hasBridgedTable(host) ? [routed, bridged] : [routed];
}

/** Whether there is one for what bridges forward themselves. */
export function hasBridgedTable(host: Netns): boolean {
  const isThere = whereThere(getTable(bridged.table), () => true, false);
  return ask(host, { isThere: [isThere] }).isThere[0] ?? false;
}
