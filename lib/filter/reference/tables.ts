/** The tables in which the reference plugins 1.x, or iptables, may have left rules of ours. */

import * as host from "host";
import { closeFile, O_RDONLY, readToEnd } from "../../host/file.ts";
import type { Family } from "../../ip/address.ts";
import type { Netns } from "../../net/netns.ts";
import * as nft from "../../netlink/nft-expression.ts";
import { getChain, getTable, type NftTable } from "../../netlink/nft-request.ts";
import { isThere, unlessUnsupported } from "../nft-transaction.ts";

/** Masquerade by the reference's nftables backend. */
export const masqueradeTable: NftTable = {
  family: nft.NFPROTO_INET,
  name: "cni_plugins_masquerade",
};
/** Masquerade by iptables, where that is a front end of nf_tables. */
export const natTables: { readonly [F in Family]: NftTable } = {
  4: { family: nft.NFPROTO_IPV4, name: "nat" },
  6: { family: nft.NFPROTO_IPV6, name: "nat" },
};
/** The reference's MAC spoof check. */
export const bridgeTable: NftTable = { family: nft.NFPROTO_BRIDGE, name: "nat" };

/** Host ports by the reference's nftables backend. */
export const hostportTables: { readonly [F in Family]: NftTable } = {
  4: { family: nft.NFPROTO_IPV4, name: "cni_hostport" },
  6: { family: nft.NFPROTO_IPV6, name: "cni_hostport" },
};

/** True if there may be host ports outside of our own table. */
export function hasHostportTables(ns: Netns): boolean {
  const chains = [natTables[4], natTables[6]].map((table) =>
    getChain({ table, name: "CNI-HOSTPORT-DNAT" }),
  );
  const tables = [hostportTables[4], hostportTables[6]].map(getTable);
  const answers = unlessUnsupported(() => ns.netfilter.attempt(...chains, ...tables), []);
  return answers.some(isThere) || hasLegacyNat(ns, 4) || hasLegacyNat(ns, 6);
}

/** True if there is a table to look into: most hosts have none of them. */
export function hasReferenceTables(ns: Netns): boolean {
  const tables = [masqueradeTable, natTables[4], natTables[6], bridgeTable];
  return isOneThere(ns, tables) || hasLegacyNat(ns, 4) || hasLegacyNat(ns, 6);
}

/** True if iptables of either flavour has a nat table for this family. */
export function hasNatTable(ns: Netns, family: Family): boolean {
  return isOneThere(ns, [natTables[family]]) || hasLegacyNat(ns, family);
}

/** True if there may be a MAC spoof check of the reference's. */
export function hasBridgeTable(ns: Netns): boolean {
  return isOneThere(ns, [bridgeTable]);
}

function isOneThere(ns: Netns, tables: readonly NftTable[]): boolean {
  const answers = unlessUnsupported(() => ns.netfilter.attempt(...tables.map(getTable)), []);
  return answers.some(isThere);
}

/** True if the packet filter older than nf_tables, which that does not show, has a nat table. */
export function hasLegacyNat(ns: Netns, family: Family): boolean {
  return hasLegacyTable(ns, family, "nat");
}

/** True if the packet filter older than nf_tables has a table of this name. */
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
