/**
 * The tables in which the reference plugins 1.x, or iptables, may have left rules of ours: most
 * hosts have none of them, and then nothing else needs to be loaded and asked.
 */

import type { Family } from "../../ip/address.ts";
import type { Netns } from "../../net/netns.ts";
import {
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
} from "../../netlink/nft-expression.ts";
import { getChain, getTable, type NftTable } from "../../netlink/nft-request.ts";
import { hasLegacyNat } from "../legacy-tables.ts";
import { isOneThere } from "../nft-transaction.ts";

type ByFamily = { readonly [F in Family]: NftTable };

/** Masquerade by the reference's nftables backend. */
export const masqueradeTable: NftTable = { family: NFPROTO_INET, name: "cni_plugins_masquerade" };

/** Masquerade and host ports by iptables, where that is a front end of nf_tables. */
export const natTables: ByFamily = {
  4: { family: NFPROTO_IPV4, name: "nat" },
  6: { family: NFPROTO_IPV6, name: "nat" },
};

/** Host ports by the reference's nftables backend. */
export const hostportTables: ByFamily = {
  4: { family: NFPROTO_IPV4, name: "cni_hostport" },
  6: { family: NFPROTO_IPV6, name: "cni_hostport" },
};

/** The reference's MAC spoof check. */
export const bridgeTable: NftTable = { family: NFPROTO_BRIDGE, name: "nat" };

/** True if there may be masquerade, or a MAC spoof check, outside of our own tables. */
export function hasReferenceTables(ns: Netns): boolean {
  const tables = [masqueradeTable, natTables[4], natTables[6], bridgeTable];
  return isOneThere(ns, ...tables.map(getTable)) || hasLegacyNat(ns);
}

/** True if there may be host ports outside of our own table. */
export function hasHostportTables(ns: Netns): boolean {
  const chains = [natTables[4], natTables[6]].map((table) =>
    getChain({ table, name: "CNI-HOSTPORT-DNAT" }),
  );
  const tables = [hostportTables[4], hostportTables[6]].map(getTable);
  return isOneThere(ns, ...chains, ...tables) || hasLegacyNat(ns);
}

/** True if iptables of either flavour has a nat table for this family. */
export function hasNatTable(ns: Netns, family: Family): boolean {
  return isOneThere(ns, getTable(natTables[family])) || hasLegacyNat(ns, family);
}

/** True if there may be a MAC spoof check of the reference's. */
export function hasBridgeTable(ns: Netns): boolean {
  return isOneThere(ns, getTable(bridgeTable));
}
