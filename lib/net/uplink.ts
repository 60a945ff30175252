/** The link by which others are reached: other hosts, one address; the addresses it has. */

import type { Reader } from "../bytes/codec.ts";
import { type IpAddress, isGlobalUnicast } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import { AF_INET, AF_INET6 } from "../netlink/address.ts";
import { decodeReply } from "../netlink/connection.ts";
import { getRoute, listRoutes, RT_TABLE_MAIN, routeMessage } from "../netlink/route.ts";
import { listAddresses } from "./address.ts";
import { findLink, type Link } from "./link.ts";
import type { Netns } from "./netns.ts";

/** The link of the default route, IPv4 first; undefined if there is none. */
export function findDefaultUplink(ns: Netns): Link | undefined {
  for (const family of [AF_INET, AF_INET6]) {
    const defaults = ns.route
      .dump(listRoutes(family, RT_TABLE_MAIN), { read: readDefault })
      .flatMap((route) => route ?? [])
      .sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
    const index = defaults[0]?.outputInterface;
    const link = index === undefined ? undefined : findLink(ns, index);
    if (link && link.name !== "lo") return link;
  }
  return undefined;
}

/** The link by which packets go to an address; undefined if by none. */
export function findWay(ns: Netns, address: IpAddress): Link | undefined {
  const [answer] = ns.route.attempt(getRoute(address));
  if (!answer || answer.error) return undefined;
  const index = decodeReply(answer, routeMessage).attributes?.outputInterface;
  return index === undefined ? undefined : findLink(ns, index);
}

/** There may be thousands of others: rtm_dst_len, the second byte, tells. */
function readDefault(input: Reader) {
  if (input.bytes[input.at + 1] !== 0) return undefined;
  return routeMessage.read(input).attributes;
}

/** The subnets that a link is in, by its addresses that others can reach. */
export function linkSubnets(ns: Netns, link: Link): Cidr[] {
  return listAddresses(ns, link)
    .map(({ cidr }) => cidr)
    .filter(({ address }) => isGlobalUnicast(address));
}
