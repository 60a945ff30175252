/**
 * Sets of peers in the table of a cluster's policies: each is two sets, for both families, under names
 * that are made of what it is.
 *
 *   set pods4-<digest>     10.1.2.3
 *   set ports4-<digest>    10.1.2.3 . 8080
 */

import { shortDigest } from "../../host/digest.ts";
import { encodeText } from "../../host/text.ts";
import { type Family, family, type IpAddress } from "../../ip/address.ts";
import type { Request } from "../../netlink/message.ts";
import { addKeys, deleteKeys } from "../../netlink/nft-keys.ts";
import {
  delElements,
  delSet,
  ensureElements,
  type NftSet,
  newElements,
  newSet,
} from "../../netlink/nft-request.ts";
import type { SetChange } from "../ruleset.ts";
import { addressLengths, addressTypes, type ClusterTable, plainSet } from "./cluster-table.ts";

export const DIGITS = 24;
const families = [4, 6] as const;

/** As many elements one request has: their list is an attribute, of 64 KB at most. */
const CHUNK = 1000;

const INET_SERVICE = 13;
/** libnftnl's NFTNL_UDATA_SET_COMMENT, and how long such a text may be in `nft`. */
const UDATA_COMMENT = 7;
const LONGEST_COMMENT = 127;

/** The set that one of a ruleset's is in a family, by its name there. */
export function peerSet(
  { table }: ClusterTable,
  name: string,
  { hasPorts, of }: { readonly hasPorts: boolean; readonly of: Family },
): NftSet {
  const short = `${hasPorts ? "ports" : "pods"}${of}-${shortDigest(name, DIGITS)}`;
  const type = addressTypes[of];
  const kind = hasPorts
    ? { keyType: (type << 6) | INET_SERVICE, keyLength: addressLengths[of] + 4 }
    : { keyType: type, keyLength: addressLengths[of] };
  return plainSet(table, short, { ...kind, userData: withComment(name) });
}

/** The byte order of keys, and a comment: what `nft` keeps with a set. */
function withComment(text: string): Uint8Array {
  const comment = encodeText(cut(text));
  return Uint8Array.of(0, 4, 2, 0, 0, 0, UDATA_COMMENT, comment.length + 1, ...comment, 0);
}

/** As much of a text as a comment holds; what is not ASCII is left out, and so is what is left. */
export function cut(text: string): string {
  const plain = text.replace(/[^ -~]|"/g, "'");
  return plain.length > LONGEST_COMMENT ? `${plain.slice(0, LONGEST_COMMENT - 3)}...` : plain;
}

/** The same in both families. */
function peerSets(at: ClusterTable, name: string, hasPorts: boolean): readonly NftSet[] {
  return families.map((of) => peerSet(at, name, { hasPorts, of }));
}

/** What makes a change of a set: its elements, and the set itself if it is new. */
export function setRequests(at: ClusterTable, name: string, change: SetChange): readonly Request[] {
  const { state, hasPorts, added, removed } = change;
  if (state === "gone") return [];
  return families.flatMap((of) => {
    const set = peerSet(at, name, { hasPorts, of });
    return [
      ...(state === "new" ? [newSet(set)] : []),
      ...deleteKeys(set, removed.keys(of)),
      ...addKeys(set, added.keys(of)),
    ];
  });
}

/** What takes away a set that nothing uses any more. */
export function goneRequests(
  at: ClusterTable,
  name: string,
  { state, hasPorts }: SetChange,
): readonly Request[] {
  return state === "gone" ? peerSets(at, name, hasPorts).map(delSet) : [];
}

/** Adds keys that are not there. */
export function additions(set: NftSet, keys: readonly Uint8Array[]): readonly Request[] {
  return chunks(keys).map((part) => newElements(set, elementsOf(part)));
}

/** Deletes keys that are there. */
export function deletions(set: NftSet, keys: readonly Uint8Array[]): readonly Request[] {
  return chunks(keys).map((part) => delElements(set, part));
}

/** Deletes keys that may be there: what is added and deleted at once is gone. */
export function absences(set: NftSet, keys: readonly Uint8Array[]): readonly Request[] {
  return chunks(keys).flatMap((part) => [
    ensureElements(set, elementsOf(part)),
    delElements(set, part),
  ]);
}

/** Adds keys, of which some may be there. */
export function presences(set: NftSet, keys: readonly Uint8Array[]): readonly Request[] {
  return chunks(keys).map((part) => ensureElements(set, elementsOf(part)));
}

function elementsOf(keys: readonly Uint8Array[]) {
  return keys.map((value) => ({ key: { value } }));
}

export function chunks<T>(all: readonly T[]): readonly (readonly T[])[] {
  const parts: (readonly T[])[] = [];
  for (let at = 0; at < all.length; at += CHUNK) parts.push(all.slice(at, at + CHUNK));
  return parts;
}

/** The addresses of a family. */
export function ofFamily(addresses: readonly IpAddress[], of: Family): readonly IpAddress[] {
  return addresses.filter((address) => family(address) === of);
}
