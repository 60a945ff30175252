/** The link by which others are reached: other hosts, one address; the addresses it has. */

import type { ReadOf } from "../bytes/layout.ts";
import { type IpAddress, isGlobalUnicast } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import { AF_INET, AF_INET6 } from "../netlink/address.ts";
import { decodeReply } from "../netlink/connection.ts";
import { getRoute, listRoutes, outputsOf, RT_TABLE_MAIN, routeMessage } from "../netlink/route.ts";
import { listAddresses } from "./address.ts";
import { findLink, type Link, type LinkRef } from "./link.ts";
import type { Netns } from "./netns.ts";
import { dumpRoutes } from "./route.ts";

/** The link of the default route, IPv4 first, or of its first hop; undefined if there is none. */
export function findDefaultUplink(ns: Netns): Link | undefined {
  for (const family of [AF_INET, AF_INET6]) {
    const defaults = listDefaults(ns, family).sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
    const [index] = defaults.flatMap(outputsOf);
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

/** True if a default route leads by a link, or by one that is above it, as a VLAN may be. */
export function carriesDefaultRoute(ns: Netns, { index }: LinkRef): boolean {
  const defaults = [AF_INET, AF_INET6].flatMap((family) => listDefaults(ns, family));
  return defaults.flatMap(outputsOf).some((output) => isAbove(ns, output, index));
}

/** More links than are ever one above the other. */
const MOST_LEVELS = 8;

/** True for the same link, or one whose parent, or whose parent's parent, it is. */
function isAbove(ns: Netns, upper: number, lower: number): boolean {
  for (let at = upper, level = 0; at > 0 && level < MOST_LEVELS; level++) {
    if (at === lower) return true;
    const link = findLink(ns, at);
    at = link?.isPeerHere ? link.peer : 0;
  }
  return false;
}

type Default = ReadOf<typeof routeMessage>["attributes"];

/** The default routes of a family in the main table. */
export function listDefaults(ns: Netns, family: number): Default[] {
  const request = listRoutes(family, RT_TABLE_MAIN);
  return dumpRoutes(ns, request, routeMessage).flatMap(({ header, attributes }) =>
    header.destinationLength === 0 ? attributes : [],
  );
}

/** The subnets that a link is in, by its addresses that others can reach. */
export function linkSubnets(ns: Netns, link: Link): Cidr[] {
  return listAddresses(ns, link)
    .map(({ cidr }) => cidr)
    .filter(({ address }) => isGlobalUnicast(address));
}
