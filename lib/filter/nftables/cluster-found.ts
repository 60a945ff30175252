/** What is there of the table of a cluster's policies, whoever made it. */

import type { Netns } from "../../net/netns.ts";
import { type FoundChain, listChains } from "../../netlink/nft-chains.ts";
import {
  countedSetMessage,
  listCountedSets,
  listTableRules,
  NFT_SET_ANONYMOUS,
  notedRuleMessage,
  type SetKind,
} from "../../netlink/nft-counted.ts";
import { listElements, type NftSet, type NftTable } from "../../netlink/nft-request.ts";
import { keysMessage } from "../../netlink/nftables.ts";
import { listOrNone } from "../nft-transaction.ts";
import type { ClusterTable } from "./cluster-table.ts";

/** Sets and chains by their names. */
export interface FoundTable {
  readonly sets: ReadonlyMap<string, SetKind>;
  readonly chains: ReadonlyMap<string, FoundChain>;
  /** What is noted of the rules of a chain, and how many they are. */
  readonly rules: ReadonlyMap<string, { readonly note: string; readonly count: number }>;
}

export const emptyTable: FoundTable = { sets: new Map(), chains: new Map(), rules: new Map() };

/** Reads the table but for the elements of its sets; an empty one if there is none. */
export function findTable(ns: Netns, { table }: ClusterTable): FoundTable {
  const { family, name } = table;
  const chains = listChains(ns.netfilter).filter(
    (chain) => chain.family === family && chain.table === name,
  );
  return {
    sets: findSets(ns, table),
    chains: new Map(chains.map((chain) => [chain.name, chain])),
    rules: findRules(ns, table),
  };
}

function findSets(ns: Netns, table: NftTable): ReadonlyMap<string, SetKind> {
  const sets = new Map<string, SetKind>();
  const list = () => ns.netfilter.dump(listCountedSets(table), countedSetMessage);
  for (const { attributes = {} } of listOrNone(list)) {
    const { name = "", flags = 0, keyType = 0, keyLength = 0, expression } = attributes;
    if (flags & NFT_SET_ANONYMOUS) continue;
    sets.set(name, { keyType, keyLength, flags, counts: expression?.kind === "counter" });
  }
  return sets;
}

function findRules(ns: Netns, table: NftTable): FoundTable["rules"] {
  const rules = new Map<string, { note: string; count: number }>();
  const list = () => ns.netfilter.dump(listTableRules(table), notedRuleMessage);
  for (const { attributes = {} } of listOrNone(list)) {
    const { chain = "", notes } = attributes;
    const count = (rules.get(chain)?.count ?? 0) + 1;
    rules.set(chain, { note: notes?.holder ?? "", count });
  }
  return rules;
}

/** The keys of a set, in any order; none if there is no such set. */
export function listKeys(ns: Netns, set: NftSet): readonly Uint8Array[] {
  const list = () => ns.netfilter.dump(listElements(set), keysMessage);
  return listOrNone(list).flatMap(({ attributes = [] }) => attributes.flatMap((key) => key ?? []));
}
