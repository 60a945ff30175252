/** The addresses of all links of a namespace, by one question. */

import type { Cidr } from "../ip/cidr.ts";
import { addressMessage, listAllAddresses } from "../netlink/address.ts";
import { RT_SCOPE_LINK } from "../netlink/route.ts";
import type { Netns } from "./netns.ts";

/** The addresses of each link by its index, without those that the kernel gives every link. */
export function addressesByLink(ns: Netns): ReadonlyMap<number, readonly Cidr[]> {
  const byLink = new Map<number, Cidr[]>();
  for (const { header, attributes } of ns.route.dump(listAllAddresses(), addressMessage)) {
    const address = attributes.local ?? attributes.address;
    if (!address || header.scope === RT_SCOPE_LINK) continue;
    const others = byLink.get(header.index) ?? [];
    others.push({ address, prefixLength: header.prefixLength });
    byLink.set(header.index, others);
  }
  return byLink;
}
