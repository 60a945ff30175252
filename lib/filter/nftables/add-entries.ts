/** Adding an attachment's elements, and all that they need, in one transaction. */

import { EOPNOTSUPP } from "../../host/errno.ts";
import { heldByAnother, livingFinder } from "../../net/holder.ts";
import type { Netns } from "../../net/netns.ts";
import { type Owner, ownerText, ownerTexts } from "../../net/owner.ts";
import { NetlinkError } from "../../netlink/error.ts";
import type { Request } from "../../netlink/message.ts";
import { NFT_GOTO } from "../../netlink/nft-expression.ts";
import { ensureElements, newElements } from "../../netlink/nft-request.ts";
import { transact } from "../nft-transaction.ts";
import { ifMissing, newChainWith } from "./chains.ts";
import { despiteFlush, replacement } from "./delete-entries.ts";
import {
  companionsFor,
  type Dispatcher,
  type Entries,
  type Entry,
  layout,
  leavesOf,
} from "./dispatcher.ts";
import { elementAt, elementDeletion, type OwnedElement, placeName } from "./elements.ts";

/** What an attachment is to have. */
export interface Addition extends Entries {
  /** Where the owner is found, noted with each element. */
  readonly holder?: string | undefined;
}

/** What becomes of elements of other owners that stand in the way. */
export interface Succession {
  /** Elements that exclude an entry although they are in other places; found by a search. */
  readonly rivals: () => readonly OwnedElement[];
  /** The error for the first one that may not be replaced; undefined if all may be. */
  readonly refusal: (taken: readonly OwnedElement[]) => Error | undefined;
}

/**
 * Adds elements and whatever they need. What an owner that is gone has in their places is replaced;
 * what one has that lives is refused by NetError (conflict).
 */
export function addEntries(ns: Netns, dispatcher: Dispatcher, addition: Addition): void {
  const refusal = (taken: readonly OwnedElement[]) => refuseLiving(ns, addition, taken);
  replaceEntries(ns, dispatcher, { ...addition, rivals: () => [], refusal });
}

function refuseLiving(
  ns: Netns,
  { owner, entries }: Addition,
  taken: readonly OwnedElement[],
): Error | undefined {
  const kept = taken.find(livingFinder(ns));
  if (!kept) return undefined;
  const entry = entries.find((each) => placeName(each) === placeName(kept));
  return heldByAnother(owner, entry?.what ?? `an element of "${kept.set.name}"`, kept);
}

/**
 * Adds elements and whatever they need, in place of what other owners have unless that is refused.
 * Returns what those had.
 */
export function replaceEntries(
  ns: Netns,
  dispatcher: Dispatcher,
  addition: Addition & Succession,
): readonly OwnedElement[] {
  const { owner, entries, vacant = [] } = addition;
  if (entries.length === 0) return [];
  const leaves = leavesOf(entries);
  const companions = companionsFor(dispatcher, entries);
  const questions = {
    base: dispatcher.chains().map(ifMissing),
    leaves: leaves.map(ifMissing),
    entries: entries.map(elementAt),
    companions: companions.map(elementAt),
    vacant: vacant.map(elementAt),
  };
  // Its rules may have been flushed: then the count of its uses does not tell whether others need it.
  const again = new Set(leaves.map(({ chain }) => chain.name));
  const notes = notesOf(addition);
  const attempt = (current: Dispatcher) =>
    transact(ns, questions, (found) => {
      const inPlaces = [...found.entries.filter(isThere), ...ownOf(owner, found.vacant)];
      const { replaced, result } = succeed(addition, inPlaces);
      const isAgain = ({ chain = "" }: OwnedElement) => again.has(chain);
      const isNew =
        replaced.length > 0 || found.base.some(isThere) || !found.companions.every(isThere);
      const requests = [
        ...elementDeletion(dispatcher.maps, replaced.filter(isAgain)),
        ...replacement(ns, current, without(replaced, isAgain)),
        ...(isNew ? layout(dispatcher) : []),
        ...(isNew ? leaves : found.leaves.filter(isThere)).flatMap(newChainWith),
        ...companions.map(({ set, key }) => ensureElements(set, [{ key: { value: key } }])),
        ...entries.map((entry) => newElement(entry, notes)),
      ];
      return { requests, result };
    });
  const lost = despiteFlush(ns, dispatcher, attempt);
  if (!lost) throw new NetlinkError("use nftables", EOPNOTSUPP);
  return lost;
}

function without<T>(list: readonly T[], isOut: (each: T) => boolean): readonly T[] {
  return list.filter((each) => !isOut(each));
}

function isThere<T>(found: T | undefined): found is T {
  return found !== undefined;
}

/** What of this an owner has. */
function ownOf(
  owner: Owner,
  found: readonly (OwnedElement | undefined)[],
): readonly OwnedElement[] {
  const there = found.filter(isThere);
  if (there.length === 0) return there;
  const own = ownerTexts(owner);
  return there.filter(({ comment }) => own.includes(comment));
}

/** All that is to be replaced, and, as the result, what of it other owners lose. */
function succeed(
  { owner, rivals, refusal }: Addition & Succession,
  inPlaces: readonly OwnedElement[],
) {
  const own = ownerTexts(owner);
  const isForeign = ({ comment }: OwnedElement) => !own.includes(comment);
  const places = new Set(inPlaces.map(placeName));
  const elsewhere = new Map(rivals().map((rival) => [placeName(rival), rival]));
  const others = Array.from(elsewhere.values()).filter(
    (rival) => isForeign(rival) && !places.has(placeName(rival)),
  );
  const replaced = [...inPlaces, ...others];
  const result = replaced.filter(isForeign);
  const refused = result.length > 0 ? refusal(result) : undefined;
  if (refused) throw refused;
  return { replaced, result };
}

/** What is noted with each element. */
interface Notes {
  readonly comment: string;
  readonly holder?: string;
}

function notesOf({ owner, holder }: Addition): Notes {
  const comment = ownerText(owner);
  return hasRoomFor(comment, holder) ? { comment, holder } : { comment };
}

function newElement({ set, key, chain, value }: Entry, notes: Notes): Request {
  const verdict = chain && { verdict: { code: NFT_GOTO, chain: chain.chain.name } };
  const data = value ? { value } : verdict;
  const element = { key: { value: key }, notes };
  return newElements(set, [data ? { ...element, data } : element]);
}

/** The kernel keeps 256 bytes with an element: two parts, each with its type, length and end. */
function hasRoomFor(comment: string, holder: string | undefined): holder is string {
  return holder !== undefined && comment.length + holder.length + 2 * 3 <= 256;
}
