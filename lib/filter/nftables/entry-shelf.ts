/** The elements of a dispatcher as what is a network's: for GC, and for people. */

import type { Marked, Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import { isOfNetwork, ownerTexts } from "../../net/owner.ts";
import { findGeneration } from "../nft-transaction.ts";
import { listEntries, removeEntries } from "./delete-entries.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { OwnedElement } from "./elements.ts";

/** An element whose comment is its mark. */
export interface MarkedElement extends OwnedElement, Marked {}

/** What the elements of one kind are. */
interface Kind {
  readonly dispatcher: Dispatcher;
  /** What the key of an element stands for, in words. */
  readonly keyInWords: (element: OwnedElement) => string;
  /** Ends what is elsewhere because of elements that have been removed. */
  readonly afterwards?: (removed: readonly OwnedElement[]) => void;
}

/** All elements of a dispatcher; none if the kernel has no nf_tables. */
export function entryShelf(ns: Netns, kind: Kind): Shelf<MarkedElement> {
  const { dispatcher, keyInWords, afterwards } = kind;
  return {
    kind: "element",
    list(network) {
      if (findGeneration(ns) === undefined) return [];
      const own = listEntries(ns, dispatcher).filter(({ comment }) =>
        isOfNetwork(comment, network),
      );
      return own.map((element) => ({ ...element, mark: element.comment }));
    },
    marksOf: ownerTexts,
    inWords: (element) => `${keyInWords(element)} in ${element.set.name} of nf_tables`,
    remove(elements) {
      const removed = removeEntries(ns, dispatcher, elements);
      afterwards?.(removed);
    },
  };
}
