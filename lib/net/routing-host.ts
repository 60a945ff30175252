/** A host that forwards packets for others: its sysctls. */

import { SystemError } from "../host/errno.ts";
import { type Family, family } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import type { Netns } from "./netns.ts";
import { findSysctl, setSysctl } from "./sysctl.ts";

const sysctls: Readonly<Record<Family, string>> = {
  4: "ipv4/ip_forward",
  6: "ipv6/conf/all/forwarding",
};

/**
 * Packets of these families are forwarded afterwards. What keeps the kernel from that is returned,
 * each in words. A link that takes its IPv6 routes from routers goes on with that, though a host
 * that forwards would not.
 */
export function ensureForwarding(
  ns: Netns,
  { networks, uplink }: { readonly networks: readonly Cidr[]; readonly uplink: string },
  tell: ((what: string) => void) | undefined,
): readonly string[] {
  const families = new Set(networks.map(({ address }) => family(address)));
  return [...families].flatMap((of) => {
    const name = sysctls[of];
    if (findSysctl(ns, name) === "1") return [];
    try {
      if (of === 6) keepHeedingRouters(ns, uplink);
      setSysctl(ns, name, "1");
      tell?.(`set sysctl net/${name} to 1`);
      return [];
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      return [`${cause.message}: packets of IPv${of} are not forwarded`];
    }
  });
}

/** 1 is for hosts that do not forward, 2 for all. */
function keepHeedingRouters(ns: Netns, link: string): void {
  const name = `ipv6/conf/${link}/accept_ra`;
  if (findSysctl(ns, name) === "1") setSysctl(ns, name, "2");
}
