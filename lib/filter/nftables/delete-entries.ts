/** Deleting elements, with the small chains to which nothing leads without them. */

import type { Netns } from "../../net/netns.ts";
import { type Owner, ownerTexts } from "../../net/owner.ts";
import type { Request } from "../../netlink/message.ts";
import { delChain } from "../../netlink/nft-request.ts";
import { ask, transact } from "../nft-transaction.ts";
import { ifUsedBy } from "./chains.ts";
import type { Dispatcher } from "./dispatcher.ts";
import {
  elementAt,
  elementDeletion,
  listOwnedElements,
  type OwnedElement,
  type Place,
  placeName,
} from "./elements.ts";

/** Whose elements are to go, and places where one or another of them is: that spares a search. */
export interface Leaving {
  readonly owner: Owner;
  readonly known: readonly Place[];
}

/**
 * Deletes an owner's elements: those in known places, or, if none is there, those of a search.
 * Returns what it has deleted.
 */
export function deleteEntries(
  ns: Netns,
  dispatcher: Dispatcher,
  { owner, known }: Leaving,
): readonly OwnedElement[] {
  const own = ownerTexts(owner);
  const isOwn = (element: OwnedElement | undefined) =>
    element !== undefined && own.includes(element.comment);
  const deleted = transact(ns, { known: known.map(elementAt) }, (found) => {
    const inPlaces = found.known.flatMap((element) => element ?? []).filter(isOwn);
    const result = inPlaces.length > 0 ? inPlaces : listEntries(ns, dispatcher).filter(isOwn);
    return { requests: replacement(ns, dispatcher, result), result };
  });
  return deleted ?? [];
}

/** All elements of all attachments. */
export function listEntries(ns: Netns, { maps }: Dispatcher): readonly OwnedElement[] {
  return maps.flatMap((map) => listOwnedElements(ns, map));
}

/** How many elements one transaction deletes: the list of their keys has to fit one attribute. */
const CHUNK = 500;

/**
 * Deletes listed elements that have not changed hands since, and every small chain that nothing
 * leads to then. Returns what it has deleted.
 */
export function removeEntries(
  ns: Netns,
  dispatcher: Dispatcher,
  listed: readonly OwnedElement[],
): readonly OwnedElement[] {
  const deleted: OwnedElement[] = [];
  for (let at = 0; at < listed.length; at += CHUNK) {
    const owners = new Map(
      listed.slice(at, at + CHUNK).map((element) => [placeName(element), element.comment]),
    );
    const isListed = (element: OwnedElement) => owners.get(placeName(element)) === element.comment;
    const removed = transact(ns, {}, () => {
      const result = listEntries(ns, dispatcher).filter(isListed);
      return { requests: deletion(ns, dispatcher, result), result };
    });
    deleted.push(...(removed ?? []));
  }
  return deleted;
}

/** The deletion of elements where others may follow at once: small chains may outlive it. */
export function replacement(
  ns: Netns,
  dispatcher: Dispatcher,
  elements: readonly OwnedElement[],
): readonly Request[] {
  const { maps, leaves } = dispatcher;
  return leaves.areKept ? elementDeletion(maps, elements) : deletion(ns, dispatcher, elements);
}

/** The deletion of elements, of small chains that nothing leads to then, and of their companions. */
function deletion(
  ns: Netns,
  { table, maps, leaves }: Dispatcher,
  elements: readonly OwnedElement[],
): readonly Request[] {
  const counts = new Map<string, number>();
  for (const { chain } of elements) if (chain) counts.set(chain, (counts.get(chain) ?? 0) + 1);
  const inQuestion = Array.from(counts, ([name, count]) =>
    ifUsedBy({ table, name }, count + leaves.rulesIn(name)),
  );
  const unused = ask(ns, { chains: inQuestion }).chains.flatMap((chain) => chain ?? []);
  const places = unused.flatMap(({ name }) => leaves.companionsOf(name));
  const { companions } = ask(ns, { companions: places.map(elementAt) });
  return [
    ...elementDeletion(maps, elements),
    ...unused.map(delChain),
    ...elementDeletion(
      leaves.companionSets,
      companions.flatMap((each) => each ?? []),
    ),
  ];
}
