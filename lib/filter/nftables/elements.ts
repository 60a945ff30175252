/** Elements of sets and maps in nf_tables, whose comments name the attachment they are there for. */

import type { Netns } from "../../net/netns.ts";
import { decodeReplies } from "../../netlink/connection.ts";
import type { Request } from "../../netlink/message.ts";
import { delElements, getElement, listElements, type NftSet } from "../../netlink/nft-request.ts";
import { type Elements, elementsMessage } from "../../netlink/nftables.ts";
import { listOrNone, type Question, whereThere } from "../nft-transaction.ts";

/** Where an element is, or would be. */
export interface Place {
  readonly set: NftSet;
  readonly key: Uint8Array;
}

/** An element that is there: what is noted of its owner, and where it leads to. */
export interface OwnedElement extends Place {
  readonly comment: string;
  /** Where its owner is found, if that is noted. */
  readonly holder: string | undefined;
  readonly chain: string | undefined;
  readonly value: Uint8Array | undefined;
}

/** Asks for the element at a place; the answer is undefined if there is none, or no such set. */
export function elementAt({ set, key }: Place): Question<OwnedElement | undefined> {
  return whereThere<OwnedElement | undefined>(
    getElement(set, key),
    (answer) => decodeReplies(answer, elementsMessage).flatMap((each) => elementsIn(set, each))[0],
    undefined,
  );
}

/** All elements of a set; none if there is no such set. */
export function listOwnedElements(ns: Netns, set: NftSet): readonly OwnedElement[] {
  const list = () => ns.netfilter.dump(listElements(set), elementsMessage);
  return listOrNone(list).flatMap((message) => elementsIn(set, message));
}

function elementsIn(set: NftSet, { attributes }: Elements): readonly OwnedElement[] {
  return (attributes?.elements ?? []).map(({ key, data, notes }) => ({
    set,
    key: key?.value ?? new Uint8Array(0),
    comment: notes?.comment ?? "",
    holder: notes?.holder,
    chain: data?.verdict?.chain,
    value: data?.value,
  }));
}

/** A text that two places share if and only if they are one. */
export function placeName({ set, key }: Place): string {
  return `${set.name} ${key.join()}`;
}

/** The deletion of elements, set by set in the order given. */
export function elementDeletion(
  sets: readonly NftSet[],
  places: readonly Place[],
): readonly Request[] {
  return sets.flatMap((set) => {
    const keys = places.filter((place) => place.set === set).map(({ key }) => key);
    return keys.length > 0 ? [delElements(set, keys)] : [];
  });
}
