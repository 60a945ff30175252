/** Queueing disciplines of links, and how fast these send at most: what `bandwidth` made, or anybody. */

import { listQdiscs, qdiscMessage } from "../netlink/qdisc.ts";
import { grouped } from "./grouped.ts";
import type { Netns } from "./netns.ts";

/** A qdisc that somebody made. */
export interface Qdisc {
  /** The index of its link. */
  readonly link: number;
  readonly kind: string;
  /** The number before the colon, as `tc` shows it: `1`, `ffff`. */
  readonly handle: string;
  /** Bits per second, of a token bucket. */
  readonly rate: number | undefined;
}

/** All qdiscs but those that each link has by itself, by the links' indexes. */
export function listMadeQdiscs(ns: Netns): ReadonlyMap<number, readonly Qdisc[]> {
  const all = ns.route.dump(listQdiscs(), qdiscMessage).flatMap(({ header, attributes }) => {
    const { index, handle } = header;
    if (handle === 0) return [];
    const { kind = "" } = attributes;
    const { parameters, rate64 } = (attributes.kind === "tbf" ? attributes.data : undefined) ?? {};
    const rate = rate64 ?? parameters?.rate?.rate;
    return {
      ...{ link: index, kind, handle: (handle >>> 16).toString(16) },
      rate: rate === undefined ? undefined : 8 * Number(rate),
    };
  });
  return grouped(all, ({ link }) => link);
}

/** The rate of a link's token bucket; undefined if it has none. */
export function rateIn(qdiscs: readonly Qdisc[]): number | undefined {
  return qdiscs.find(({ rate }) => rate !== undefined)?.rate;
}
