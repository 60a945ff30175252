/** Deleting elements, with the small chains to which nothing leads without them. */

import { EBUSY } from "../../host/errno.ts";
import type { Netns } from "../../net/netns.ts";
import { type Owner, ownerTexts } from "../../net/owner.ts";
import { isRefusal } from "../../netlink/error.ts";
import type { Request } from "../../netlink/message.ts";
import { delChain, type NftChain } from "../../netlink/nft-request.ts";
import { listChainRules } from "../nft-rules.ts";
import { ask, transact } from "../nft-transaction.ts";
import { usesOf } from "./chains.ts";
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
  const deleted = despiteFlush(ns, dispatcher, (current) =>
    transact(ns, { known: known.map(elementAt) }, (found) => {
      const inPlaces = found.known.flatMap((element) => element ?? []).filter(isOwn);
      const result = inPlaces.length > 0 ? inPlaces : listEntries(ns, current).filter(isOwn);
      return { requests: replacement(ns, current, result), result };
    }),
  );
  return deleted ?? [];
}

/** Deletes an owner's elements in other places than the known ones, by a search. */
export function deleteElsewhere(
  ns: Netns,
  dispatcher: Dispatcher,
  { owner, known }: Leaving,
): void {
  const own = ownerTexts(owner);
  const places = new Set(known.map(placeName));
  const strays = listEntries(ns, dispatcher).filter(
    (element) => own.includes(element.comment) && !places.has(placeName(element)),
  );
  if (strays.length > 0) removeEntries(ns, dispatcher, strays);
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
    const removed = despiteFlush(ns, dispatcher, (current) =>
      transact(ns, {}, () => {
        const result = listEntries(ns, current).filter(isListed);
        return { requests: deletion(ns, current, result), result };
      }),
    );
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
  dispatcher: Dispatcher,
  elements: readonly OwnedElement[],
): readonly Request[] {
  const { maps, leaves } = dispatcher;
  const unused = unusedChains(ns, dispatcher, elements);
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

/** The small chains that nothing leads to but these elements. */
function unusedChains(
  ns: Netns,
  dispatcher: Dispatcher,
  elements: readonly OwnedElement[],
): readonly NftChain[] {
  const counts = new Map<string, number>();
  for (const { chain } of elements) if (chain) counts.set(chain, (counts.get(chain) ?? 0) + 1);
  const chains = Array.from(counts.keys(), (name) => ({ table: dispatcher.table, name }));
  const { uses } = ask(ns, { uses: chains.map(usesOf) });
  return chains.filter((chain, i) => {
    const leading = (uses[i] ?? 0) - (counts.get(chain.name) ?? 0);
    const rules = dispatcher.leaves.rulesIn(chain.name);
    return leading === (leading < rules ? rulesLeft(ns, chain) : rules);
  });
}

/**
 * Runs a change that deletes small chains. If that is refused as busy, somebody has flushed rules,
 * so that what the kernel counts are elements of others: it is run again, and rules are counted.
 */
export function despiteFlush<T>(
  ns: Netns,
  dispatcher: Dispatcher,
  body: (dispatcher: Dispatcher) => T,
): T {
  try {
    return body(dispatcher);
  } catch (cause) {
    if (!isRefusal(cause, EBUSY)) throw cause;
    const { table, leaves } = dispatcher;
    const rulesIn = (name: string) => rulesLeft(ns, { table, name });
    return body({ ...dispatcher, leaves: { ...leaves, rulesIn } });
  }
}

function rulesLeft(ns: Netns, chain: NftChain): number {
  return listChainRules(ns, chain).length;
}
