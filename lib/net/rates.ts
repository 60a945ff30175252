/** How fast links send at most, as the kernel says: the token buckets of `bandwidth` or of anybody. */

import { listQdiscs, qdiscMessage } from "../netlink/qdisc.ts";
import type { Netns } from "./netns.ts";

/** The rates of all links that have one, in bits per second, by the links' indexes. */
export function listRates(ns: Netns): ReadonlyMap<number, number> {
  const rates = new Map<number, number>();
  for (const { header, attributes } of ns.route.dump(listQdiscs(), qdiscMessage)) {
    if (attributes.kind !== "tbf") continue;
    const { parameters, rate64 } = attributes.data ?? {};
    const rate = rate64 ?? parameters?.rate?.rate;
    if (rate !== undefined) rates.set(header.index, 8 * Number(rate));
  }
  return rates;
}
