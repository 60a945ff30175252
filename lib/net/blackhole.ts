/**
 * Routes that lead nowhere: a packet for an address of this host's subnet that nothing here has ends
 * here, and does not go round by the default route. The subnet's own link comes before it.
 */

import { EEXIST, ESRCH } from "../host/errno.ts";
import { equalAddresses } from "../ip/address.ts";
import { type Cidr, containsAddress, firstAddress, formatCidr } from "../ip/cidr.ts";
import { AF_INET, AF_INET6, familyNumber } from "../netlink/address.ts";
import { NLM_F_CREATE, NLM_F_EXCL, type Request, request } from "../netlink/message.ts";
import {
  listRoutesOf,
  RT_TABLE_MAIN,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTPROT_WEFT,
  routeMessage,
} from "../netlink/route.ts";
import type { Netns } from "./netns.ts";
import { dumpRoutes } from "./route.ts";

/** linux/rtnetlink.h */
const RTN_BLACKHOLE = 6;
/** Behind every route that somebody means. */
const METRIC = 1 << 30;

/** The subnets have such routes afterwards, and no other subnet of the networks has one of ours. */
export function ensureBlackholes(
  ns: Netns,
  { networks, subnets }: Record<"networks" | "subnets", readonly Cidr[]>,
  tell: ((what: string) => void) | undefined,
): void {
  const found = listBlackholes(ns);
  for (const subnet of subnets) {
    if (isIn(found, subnet)) continue;
    ns.route.perform(blackhole(subnet, true));
    tell?.(`add blackhole route ${formatCidr(subnet)}`);
  }
  for (const cidr of found) {
    const isOurs = networks.some((network) => containsAddress(network, cidr.address));
    if (!isOurs || isIn(subnets, cidr)) continue;
    ns.route.perform(blackhole(cidr, false));
    tell?.(`delete blackhole route ${formatCidr(cidr)}`);
  }
}

function isIn(list: readonly Cidr[], { address, prefixLength }: Cidr): boolean {
  return list.some(
    (each) => each.prefixLength === prefixLength && equalAddresses(each.address, address),
  );
}

/** Those that are ours. */
function listBlackholes(ns: Netns): readonly Cidr[] {
  return [AF_INET, AF_INET6].flatMap((family) => {
    const filter = { protocol: RTPROT_WEFT, type: RTN_BLACKHOLE };
    const routes = dumpRoutes(ns, listRoutesOf(family, filter), routeMessage);
    return routes.flatMap(({ header, attributes: { destination: address } }) => {
      const isOurs = header.type === RTN_BLACKHOLE && header.protocol === RTPROT_WEFT;
      return isOurs && address ? [{ address, prefixLength: header.destinationLength }] : [];
    });
  });
}

function blackhole(cidr: Cidr, isNew: boolean): Request {
  return {
    ...request({
      what: `${isNew ? "add" : "delete"} blackhole route ${formatCidr(cidr)}`,
      type: isNew ? RTM_NEWROUTE : RTM_DELROUTE,
      flags: isNew ? NLM_F_CREATE | NLM_F_EXCL : 0,
      codec: routeMessage,
      value: {
        header: {
          family: familyNumber(cidr.address),
          destinationLength: cidr.prefixLength,
          table: RT_TABLE_MAIN,
          protocol: RTPROT_WEFT,
          type: RTN_BLACKHOLE,
        },
        attributes: { destination: firstAddress(cidr), priority: METRIC },
      },
    }),
    tolerates: isNew ? [EEXIST] : [ESRCH],
  };
}
