/** Things by their marks, in words, with the names of their owners. */

import type { Listing, Marked } from "../net/inventory.ts";
import { type Owner, ownerIn, ownerInAlias } from "../net/owner.ts";

/**
 * A thing of an attachment; without names it is the network's, or its mark is a hash that nothing
 * else explains.
 */
export interface Possession {
  readonly kind: Listing["kind"];
  /** What it is, for people: `link veth0a1b2c`. */
  readonly what: string;
  readonly mark: string;
  readonly containerID?: string | undefined;
  readonly ifName?: string | undefined;
}

/**
 * What of some lists is a network's: by container, interface and kind, in the same order each time.
 * A mark that is a hash is explained by owners that other things name, or that are known besides.
 */
export function possessionsOfNetwork(
  listings: readonly Listing[],
  network: string,
  known: readonly Owner[] = [],
): readonly Possession[] {
  const found = listings.map((listing) => ({ listing, things: listing.list(network) }));
  const things = found.flatMap((each) => each.things);
  const owners = distinct([...known, ...things.flatMap((thing) => ownerOf(thing, network) ?? [])]);
  const all = found.flatMap(({ listing, things }) => {
    if (things.length === 0) return [];
    const byMark = ownersByMark(listing, owners);
    return things.map((thing) => {
      const names = namesOf(byMark.get(thing.mark) ?? [thing]);
      return possession(listing, thing, names);
    });
  });
  return all.sort(inOrder);
}

/** What of some lists is an owner's: by kind. What he shares with his container is his as well. */
export function possessionsOfOwner(
  listings: readonly Listing[],
  owner: Owner,
): readonly Possession[] {
  const all = listings.flatMap((listing) => {
    const marks = listing.marksOf(owner);
    const own = listing.list(owner.network).filter(({ mark }) => marks.includes(mark));
    return own.map((thing) => possession(listing, thing, namesOf([owner])));
  });
  return all.sort(inOrder);
}

/** Both names of an attachment, or the one that is known, or none. */
type Names = Pick<Marked, "containerID" | "ifName">;

function possession(listing: Listing, thing: Marked, names: Names): Possession {
  return { kind: listing.kind, what: listing.inWords(thing), mark: thing.mark, ...names };
}

/** The owner whom a thing names; undefined if it does not tell all of the names. */
function ownerOf({ mark, containerID, ifName }: Marked, network: string): Owner | undefined {
  if (containerID !== undefined && ifName !== undefined) return { network, containerID, ifName };
  const owner = ownerInAlias(mark) ?? ownerIn(mark);
  return owner?.network === network ? owner : undefined;
}

function distinct(owners: readonly Owner[]): readonly Owner[] {
  const named = owners.map((owner) => [`${owner.containerID}/${owner.ifName}`, owner] as const);
  return [...new Map(named).values()];
}

/** Marks may be cut or hashes: those who are known from elsewhere are tried. */
function ownersByMark(
  listing: Listing,
  owners: readonly Owner[],
): ReadonlyMap<string, readonly Owner[]> {
  const byMark = new Map<string, readonly Owner[]>();
  for (const owner of owners) {
    for (const mark of listing.marksOf(owner))
      byMark.set(mark, [...(byMark.get(mark) ?? []), owner]);
  }
  return byMark;
}

/** What all of them have in common: a mark may be that of every interface of a container. */
function namesOf([first, ...others]: readonly Names[]): Names {
  const isSame = (key: keyof Names) => others.every((other) => other[key] === first?.[key]);
  const { containerID, ifName } = first ?? {};
  if (containerID === undefined || !isSame("containerID")) return {};
  return ifName === undefined || !isSame("ifName") ? { containerID } : { containerID, ifName };
}

const KINDS: readonly Listing["kind"][] = [
  ...(["link", "address", "qdisc", "element", "rule", "lease", "record"] as const),
];

function inOrder(a: Possession, b: Possession): number {
  return (
    compare(a.containerID ?? "", b.containerID ?? "") ||
    compare(a.ifName ?? "", b.ifName ?? "") ||
    KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) ||
    compare(a.what, b.what)
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
