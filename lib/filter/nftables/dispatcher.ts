/**
 * A base chain that looks packets up in maps: an attachment is a few elements of these maps, however
 * many attachments there are. An element leads to a value, or to a small chain that attachments
 * which want the same have in common.
 *
 *   base chain  ─▶  map: 10.1.2.3 "network containerID ifName"  ─▶  small chain
 *
 * add-entries.ts, delete-entries.ts and check-entries.ts have the verbs, entry-shelf.ts the list.
 */

import type { Owner } from "../../net/owner.ts";
import type { Request } from "../../netlink/message.ts";
import { type NftSet, type NftTable, newSet, newTable } from "../../netlink/nft-request.ts";
import { type ChainWithRules, newChainWith } from "./chains.ts";
import { type Place, placeName } from "./elements.ts";

/** What all attachments share. */
export interface Dispatcher {
  readonly table: NftTable;
  /** The maps that the base chain looks into: their elements have an owner. */
  readonly maps: readonly NftSet[];
  /** The base chain and those that belong to it, in the order in which they can be made. */
  readonly chains: () => readonly ChainWithRules[];
  readonly leaves: Leaves;
}

/** The small chains to which elements lead. A name tells all there is to know of one. */
export interface Leaves {
  /** How many rules a chain has, which the kernel counts as uses of it. */
  readonly rulesIn: (chain: string) => number;
  /** True if a chain outlives its last element, as a bridge its ports, until GC finds it unused. */
  readonly areKept: boolean;
  /** Sets with elements that have no owner, and exist as long as a small chain does. */
  readonly companionSets: readonly NftSet[];
  /** The elements of these sets that belong to a chain. */
  readonly companionsOf: (chain: string) => readonly Place[];
}

/** Small chains of so many rules that go with their last element, and have no companions. */
export function leavesWith(rules: number): Leaves {
  return {
    rulesIn: () => rules,
    areKept: false,
    companionSets: [],
    companionsOf: () => [],
  };
}

/** An element that an attachment is to have. */
export interface Entry extends Place {
  /** The key in words. */
  readonly what: string;
  /** The small chain that it leads to, if to any. */
  readonly chain?: ChainWithRules;
  /** The value that it leads to, if to any. */
  readonly value?: Uint8Array;
}

/** All elements that an attachment is to have by one dispatcher. */
export interface Entries {
  readonly owner: Owner;
  readonly entries: readonly Entry[];
  /** Places where it is to have nothing any more. */
  readonly vacant?: readonly Place[];
}

/** What an attachment is to have, and that it has nothing else in these places. */
export function onlyEntries({ owner, entries }: Entries, places: readonly Place[]): Entries {
  const has = new Set(entries.map(placeName));
  return { owner, entries, vacant: places.filter((place) => !has.has(placeName(place))) };
}

/** The small chains that entries lead to, each once. */
export function leavesOf(entries: readonly Entry[]): readonly ChainWithRules[] {
  const leaves: ChainWithRules[] = [];
  for (const { chain } of entries) {
    if (chain && !leaves.some((leaf) => leaf.chain.name === chain.chain.name)) leaves.push(chain);
  }
  return leaves;
}

/** The companions that belong to the small chains of entries. */
export function companionsFor({ leaves }: Dispatcher, entries: readonly Entry[]): readonly Place[] {
  const names = new Set(leavesOf(entries).map(({ chain }) => chain.name));
  return Array.from(names).flatMap(leaves.companionsOf);
}

/** Makes all that attachments share, and sets right what is there. */
export function layout({ table, maps, chains, leaves }: Dispatcher): readonly Request[] {
  const sets = [...maps, ...leaves.companionSets];
  return [newTable(table), ...sets.map(newSet), ...chains().flatMap(newChainWith)];
}
