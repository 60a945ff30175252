/**
 * What is whose on this machine, by the marks that things bear: one shelf for each kind of mark
 * lists what is a network's, and GC and people read it from there.
 */

import type { Owner } from "./owner.ts";

/** A thing with the mark of its owner: a link's alias, a comment, a name. */
export interface Marked {
  readonly mark: string;
  /** Whose it is, where the thing itself says so in other words than its mark. */
  readonly containerID?: string | undefined;
  readonly ifName?: string | undefined;
}

/** All things of one kind of mark, to be looked at. */
export interface Listing<T extends Marked = Marked> {
  readonly kind: "link" | "address" | "element" | "rule" | "qdisc" | "record" | "lease";
  /** What bears the mark of any attachment of a network. */
  list(network: string): readonly T[];
  /** The marks that an owner's things may bear: what is written now, and what was written before. */
  marksOf(owner: Owner): readonly string[];
  /** For people: `link veth0a1b2c`. */
  inWords(thing: T): string;
}

/** The same, where things go by themselves and not with another thing. */
export interface Shelf<T extends Marked = Marked> extends Listing<T> {
  remove(things: readonly T[]): void;
}

/** GC: removes what is a network's and belongs to no valid attachment. */
export function collect<T extends Marked>(
  shelf: Shelf<T>,
  network: string,
  valid: readonly Owner[],
): void {
  const stale = findStale(shelf, network, valid);
  if (stale.length > 0) shelf.remove(stale);
}

/** What is a network's and belongs to no valid attachment. */
export function findStale<T extends Marked>(
  shelf: Listing<T>,
  network: string,
  valid: readonly Owner[],
): readonly T[] {
  const kept = new Set(valid.flatMap((owner) => shelf.marksOf(owner)));
  return shelf.list(network).filter(({ mark }) => !kept.has(mark));
}
