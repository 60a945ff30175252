/** The tables of this suite in nf_tables, and the kinds of sets that several of its parts have. */

import { IFNAMSIZ } from "../../netlink/link.ts";
import { NFPROTO_BRIDGE, NFPROTO_INET } from "../../netlink/nft-expression.ts";
import type { NftSet, NftTable } from "../../netlink/nft-request.ts";

/** What hosts send and forward. */
export const inetTable: NftTable = { family: NFPROTO_INET, name: "weft" };
/** What bridges forward. */
export const bridgeTable: NftTable = { family: NFPROTO_BRIDGE, name: "weft" };

/** A map from addresses of a family to chains: the key type of `nft` (datatype.h), and its note. */
export function addressMap(table: NftTable, name: string, length: 4 | 16): NftSet {
  const keyType = length === 4 ? 7 : 8;
  const userData = Uint8Array.of(0, 4, 2, 0, 0, 0);
  return { table, name, keyType, keyLength: length, leadsTo: "verdicts", userData };
}

/** A set of names of links, or a map from them. */
export function linkSet(table: NftTable, name: string, leadsTo: "nothing" | "verdicts"): NftSet {
  const userData = Uint8Array.of(0, 4, 1, 0, 0, 0);
  return { table, name, keyType: 41, keyLength: IFNAMSIZ, leadsTo, userData };
}

/** The name of a link as rules compare it, filled up with zeros. */
export function linkName(name: string): Uint8Array {
  const key = new Uint8Array(IFNAMSIZ);
  for (let i = 0; i < name.length && i < IFNAMSIZ - 1; i++) key[i] = name.charCodeAt(i);
  return key;
}

/** The name of a link that is the key of an element. */
export function linkNameIn(key: Uint8Array): string {
  return String.fromCharCode(...key).replace(/\0+$/, "");
}
