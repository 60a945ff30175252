/** Giving a container's link its addresses and routes, in one datagram. */

import { EEXIST } from "../host/errno.ts";
import { lazily } from "../host/lazy.ts";
import { equalAddresses, family, formatAddress, type IpAddress } from "../ip/address.ts";
import { type Cidr, formatCidr, networkOf } from "../ip/cidr.ts";
import {
  IFA_F_DADFAILED,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_TENTATIVE,
  newAddress,
} from "../netlink/address.ts";
import { NetlinkError } from "../netlink/error.ts";
import { announceWhenUp, changeLink, IFF_UP } from "../netlink/link.ts";
import type { Request } from "../netlink/message.ts";
import { type NewRoute, newRoute } from "../netlink/route.ts";
import { listAddresses } from "./address.ts";
import { NetError } from "./error.ts";
import { explainAddress } from "./gateway.ts";
import type { Link, LinkRef } from "./link.ts";
import type { Netns } from "./netns.ts";
import { ifPossible, SysctlDirectory } from "./sysctl.ts";
import { waitFor } from "./wait.ts";

/** What a link inside a container is to be given. */
export interface LinkSetup {
  readonly addresses: readonly Cidr[];
  /** With their gateways resolved. */
  readonly routes: readonly NewRoute[];
  /** True to let the kernel probe for duplicate IPv6 addresses, which takes a second or two. */
  readonly detectDuplicates: boolean;
  /** True if the kernel is to make no route to an address's own subnet. */
  readonly withoutSubnets: boolean;
}

/**
 * Adds the addresses, sets the link up and adds the routes; an identical route is fine. The kernel
 * is to announce the addresses, if it can, whenever the link goes up or its MAC is set.
 */
export function configureLink(ns: Netns, link: LinkRef, setup: LinkSetup): void {
  const probing = setup.detectDuplicates ? 0 : IFA_F_NODAD;
  const flags = setup.withoutSubnets ? IFA_F_NOPREFIXROUTE : 0;
  const address = (cidr: Cidr): Request => ({
    ...newAddress(link, cidr, family(cidr.address) === 6 ? flags | probing : flags),
    explain: explainAddress(ns, link, cidr),
  });
  const route = (wanted: NewRoute): Request => ({
    ...newRoute(link, wanted, "create"),
    tolerates: [EEXIST],
  });
  ns.route.perform(
    { ...announceWhenUp(link), tolerates: "any" },
    ...setup.addresses.map(address),
    changeLink(`set "${link.name}" up`, link.index, { set: IFF_UP }),
    ...mergedRoutes(setup.routes).map(route),
  );
}

/**
 * Tells neighbours whose the addresses are now, for those that knew them before: the kernel does
 * when a MAC is set, also to what it is. When the link went up, its bridge did not forward yet.
 */
export function announce(ns: Netns, { index, name, mac }: LinkRef & Pick<Link, "mac">): void {
  ns.route.attempt(changeLink(`announce "${name}"`, index, { attributes: { address: mac } }));
}

/** Routes to one destination with one metric are one route with several gateways; the first tells the rest. */
function mergedRoutes(routes: readonly NewRoute[]): NewRoute[] {
  const merged = new Map<string, NewRoute>();
  for (const route of routes) {
    const { destination, priority = 0, table = 0 } = route;
    const key = `${formatCidr(networkOf(destination))} ${priority} ${table}`;
    const first = merged.get(key);
    merged.set(key, first ? withGateway(first, route.gateway) : route);
  }
  return [...merged.values()];
}

function withGateway(route: NewRoute, gateway: IpAddress | undefined): NewRoute {
  const { gateway: first, moreGateways = [] } = route;
  if (!first || !gateway) return route;
  const isKnown = [first, ...moreGateways].some((known) => equalAddresses(known, gateway));
  return isKnown ? route : { ...route, moreGateways: [...moreGateways, gateway] };
}

/** What the kernel is to do of its own accord by IPv6 on a link. */
export interface Ipv6Setup {
  /** An address that the link is to get: then IPv6 has to be usable. */
  readonly address: IpAddress | undefined;
  /** True to probe for duplicates of all of the link's addresses, also the kernel's own. */
  readonly detectDuplicates: boolean;
  /** False if the host is the router: then no pod is. */
  readonly heedsRouters: boolean;
}

/** Sets what has to be set before the link is up; throws NetError if an address cannot be had. */
export function prepareIpv6(ns: Netns, link: LinkRef, setup: Ipv6Setup): void {
  const { address } = setup;
  const directory = `ipv6/conf/${link.name}`;
  if (!address) {
    ifPossible(() => SysctlDirectory.use(ns, directory, (found) => setHabits(found, setup)));
    return;
  }
  SysctlDirectory.use(ns, "ipv6/conf/lo", (found) =>
    enableIpv6(found ?? noIpv6(ns, link, address)),
  );
  SysctlDirectory.use(ns, directory, (found) => {
    enableIpv6(found ?? noIpv6(ns, link, address));
    found?.set("keep_addr_on_down", "1");
    found?.setIfPresent("ndisc_notify", "1");
    setHabits(found, setup);
  });
}

function enableIpv6(sysctls: SysctlDirectory): void {
  if (sysctls.find("disable_ipv6") !== "0") sysctls.set("disable_ipv6", "0");
}

/** What only makes things better: a kernel without IPv6 does nothing of it. */
function setHabits(
  sysctls: SysctlDirectory | undefined,
  { detectDuplicates, heedsRouters }: Ipv6Setup,
): void {
  if (detectDuplicates) sysctls?.setIfPresent("enhanced_dad", "1");
  sysctls?.setIfPresent("accept_dad", detectDuplicates ? "1" : "0");
  if (!heedsRouters) sysctls?.setIfPresent("accept_ra", "0");
}

function noIpv6(ns: Netns, link: LinkRef, address: IpAddress): never {
  const { findIpv6Fault } = lazily<typeof import("./ipv6-fault.lazy.ts")>("ipv6-fault");
  const fault = findIpv6Fault(ns, link) ?? `"${link.name}" has no sysctls of IPv6`;
  const what = `add address ${formatAddress(address)} to "${link.name}"`;
  throw new NetError("unsupported", `Cannot ${what}: ${fault}`);
}

/** How long IPv6 addresses may take to be probed, in milliseconds. */
const ADDRESSES_WITHIN = 10_000;

/** Waits until a link's IPv6 addresses can be used; throws if one is a duplicate. */
export function awaitAddresses(ns: Netns, link: LinkRef): void {
  const wait = {
    what: `the addresses of "${link.name}" to be probed`,
    of: "ipv6Addresses" as const,
    milliseconds: ADDRESSES_WITHIN,
  };
  waitFor(ns, wait, () => areAddressesProbed(ns, link) || undefined);
}

/** True once no IPv6 address of a link is being probed; throws if one is a duplicate. */
function areAddressesProbed(ns: Netns, link: LinkRef): boolean {
  const addresses = listAddresses(ns, link).filter(({ cidr }) => family(cidr.address) === 6);
  const duplicate = addresses.find(({ flags }) => flags & IFA_F_DADFAILED);
  if (duplicate) {
    const what = `use address ${formatCidr(duplicate.cidr)} on "${link.name}"`;
    throw new NetlinkError(what, EEXIST, { text: "another host answered for it (DADFAILED)" });
  }
  return !addresses.some(({ flags }) => flags & IFA_F_TENTATIVE);
}
