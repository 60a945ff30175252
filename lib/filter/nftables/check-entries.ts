/** What an attachment's elements lack, for CHECK. */

import type { Netns } from "../../net/netns.ts";
import { ownerText, ownerTexts } from "../../net/owner.ts";
import { hasRules } from "../nft-rules.ts";
import { ask } from "../nft-transaction.ts";
import {
  companionsFor,
  type Dispatcher,
  type Entries,
  type Entry,
  leavesOf,
} from "./dispatcher.ts";
import { elementAt, type OwnedElement } from "./elements.ts";

/** What is missing or changed, in words; undefined if an owner's elements do what they should. */
export function findEntryFault(
  ns: Netns,
  dispatcher: Dispatcher,
  { owner, entries, vacant = [] }: Entries,
): string | undefined {
  if (entries.length + vacant.length === 0) return undefined;
  const companions = companionsFor(dispatcher, entries);
  const found = ask(ns, {
    entries: entries.map(elementAt),
    companions: companions.map(elementAt),
    vacant: vacant.map(elementAt),
  });
  const own = ownerTexts(owner);
  const left = found.vacant.find((element) => element && own.includes(element.comment));
  if (left) return `map "${left.set.name}" still has an element of "${ownerText(owner)}"`;
  const lost = entries.find((entry, i) => !isAsWanted(entry, found.entries[i], own));
  if (lost) return `map "${lost.set.name}" has no ${lost.what} for "${ownerText(owner)}"`;
  const alone = companions.find((_, i) => !found.companions[i]);
  if (alone) return `set "${alone.set.name}" does not have its element`;
  const chains = entries.length > 0 ? [...dispatcher.chains(), ...leavesOf(entries)] : [];
  const broken = chains.find(({ chain, rules }) => !hasRules(ns, chain, rules));
  return broken && `chain "${broken.chain.name}" does not have its rules`;
}

function isAsWanted(
  { chain, value }: Entry,
  found: OwnedElement | undefined,
  own: readonly string[],
): boolean {
  return (
    found !== undefined &&
    own.includes(found.comment) &&
    found.chain === chain?.chain.name &&
    found.value?.join() === value?.join()
  );
}
