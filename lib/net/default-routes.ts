/** Default routes: by which links, and by which gateways, packets leave for the world. */

import type { IpAddress } from "../ip/address.ts";
import { AF_INET, AF_INET6 } from "../netlink/address.ts";
import { outputsOf } from "../netlink/route.ts";
import type { Netns } from "./netns.ts";
import { listDefaults } from "./uplink.ts";

/** A default route of the main table. */
export interface DefaultRoute {
  /** The indexes of the links that it leads to. */
  readonly outputs: readonly number[];
  /** None if what it leads to is on the link. */
  readonly gateways: readonly IpAddress[];
}

/** The default routes of both families, IPv4 first, each family in the order of preference. */
export function listDefaultRoutes(ns: Netns): readonly DefaultRoute[] {
  return [AF_INET, AF_INET6].flatMap((family) =>
    listDefaults(ns, family)
      .sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0))
      .map((route) => ({ outputs: outputsOf(route), gateways: gatewaysOf(route) })),
  );
}

type Default = ReturnType<typeof listDefaults>[number];

function gatewaysOf({ gateway, multipath = [] }: Default): readonly IpAddress[] {
  const hops = multipath.flatMap(({ attributes }) => attributes?.gateway ?? []);
  return [...(gateway ? [gateway] : []), ...hops];
}
