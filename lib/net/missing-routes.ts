/** Routes that somebody took away while their link and its addresses stayed. */

import { EEXIST } from "../host/errno.ts";
import { family } from "../ip/address.ts";
import { type Cidr, networkOf } from "../ip/cidr.ts";
import { newRoute, RT_SCOPE_LINK, RTPROT_KERNEL } from "../netlink/route.ts";
import { findRouteFault } from "./expect.ts";
import type { LinkRef } from "./link.ts";
import type { Netns } from "./netns.ts";
import type { Route } from "./route.ts";

/** Adds those of the routes by a link that are not there; what leads elsewhere meanwhile stays. */
export function addMissingRoutes(ns: Netns, link: LinkRef, wanted: readonly Route[]): void {
  const missing = wanted.filter((route) => findRouteFault(ns, [route], link) !== undefined);
  const requests = missing.map((route) => ({
    ...newRoute(link, route, "create"),
    tolerates: [EEXIST],
  }));
  if (requests.length > 0) ns.route.perform(...requests);
}

/** The metric of the routes that the kernel makes for IPv6 (IP6_RT_PRIO_ADDRCONF). */
const KERNEL_METRIC6 = 256;

/** The routes that the kernel makes with a link's addresses, one to the subnet of each. */
export function subnetRoutes(addresses: readonly Cidr[]): readonly Route[] {
  return addresses
    .filter(({ address, prefixLength }) => prefixLength < 8 * address.length)
    .map((cidr) => ({
      destination: networkOf(cidr),
      protocol: RTPROT_KERNEL,
      ...(family(cidr.address) === 4
        ? { scope: RT_SCOPE_LINK, source: cidr.address }
        : { priority: KERNEL_METRIC6 }),
    }));
}
