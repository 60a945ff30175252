/** Elements of sets and maps in nf_tables, whose comments name the attachment they are there for. */

import { ENOENT } from "../../host/errno.ts";
import type { Netns } from "../../net/netns.ts";
import { decodeReplies, type Outcome } from "../../netlink/connection.ts";
import { isRefusal } from "../../netlink/error.ts";
import { listElements, type NftSet } from "../../netlink/nft-request.ts";
import { type Elements, elementsMessage } from "../../netlink/nftables.ts";
import { listOrNone } from "../nft-transaction.ts";

/** An element found in a set: its key, what is noted of its owner, and where it leads to. */
export interface OwnedElement {
  readonly set: NftSet;
  readonly key: Uint8Array;
  readonly comment: string;
  /** Where its owner is found, if that is noted. */
  readonly holder: string | undefined;
  readonly chain: string | undefined;
  readonly value: Uint8Array | undefined;
}

/** The element in the answer to `getElement`; undefined if there is none, or no such set. */
export function elementIn(answer: Outcome | undefined, set: NftSet): OwnedElement | undefined {
  if (answer?.error && !isRefusal(answer.error, ENOENT)) throw answer.error;
  return decodeReplies(answer, elementsMessage).flatMap((each) => ownedElements(set, each))[0];
}

/** All elements of a set; none if there is no such set. */
export function listOwnedElements(ns: Netns, set: NftSet): readonly OwnedElement[] {
  return listOrNone(() =>
    ns.netfilter
      .dump(listElements(set), elementsMessage)
      .flatMap((message) => ownedElements(set, message)),
  );
}

function ownedElements(set: NftSet, { attributes }: Elements): readonly OwnedElement[] {
  return (attributes?.elements ?? []).map(({ key, data, notes }) => ({
    set,
    key: key?.value ?? new Uint8Array(0),
    comment: notes?.comment ?? "",
    holder: notes?.holder,
    chain: data?.verdict?.chain,
    value: data?.value,
  }));
}
