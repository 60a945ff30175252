/** Giving a container's link its addresses and routes, in one datagram. */

import { EEXIST } from "../host/errno.ts";
import { lazily } from "../host/lazy.ts";
import { formatAddress, type IpAddress } from "../ip/address.ts";
import { type Cidr, formatCidr, networkOf } from "../ip/cidr.ts";
import { IFA_F_NODAD, newAddress } from "../netlink/address.ts";
import { isRefusal, NetlinkError } from "../netlink/error.ts";
import { announceWhenUp, changeLink, IFF_UP } from "../netlink/link.ts";
import { type NewRoute, newRoute } from "../netlink/route.ts";
import { listAddresses } from "./address.ts";
import { NetError } from "./error.ts";
import { explainedAddressError } from "./gateway.ts";
import type { Link } from "./link.ts";
import type { Netns } from "./netns.ts";
import { findSysctl, setSysctl, setSysctlIfPresent } from "./sysctl.ts";

/** What a link inside a container is to be given. */
export interface LinkSetup {
  readonly addresses: readonly Cidr[];
  /** With their gateways resolved. */
  readonly routes: readonly NewRoute[];
  /** True to let the kernel probe for duplicate IPv6 addresses, which takes a second or two. */
  readonly detectDuplicates: boolean;
}

type Named = Pick<Link, "index" | "name">;

/**
 * Adds the addresses, sets the link up and adds the routes; an identical route is fine. The kernel
 * is to announce the addresses, if it can, whenever the link goes up or its MAC is set.
 */
export function configureLink(ns: Netns, link: Named, setup: LinkSetup): void {
  const addressFlags = setup.detectDuplicates ? 0 : IFA_F_NODAD;
  const requests = [
    announceWhenUp(link),
    ...setup.addresses.map((cidr) =>
      newAddress(link, cidr, cidr.address.length === 16 ? addressFlags : 0),
    ),
    changeLink(`set "${link.name}" up`, link.index, { set: IFF_UP }),
    ...distinctRoutes(setup.routes).map((route) => newRoute(link, route, "create")),
  ];
  const firstRoute = setup.addresses.length + 2;
  ns.route.attempt(...requests).forEach(({ error }, i) => {
    if (!error || i === 0 || (i >= firstRoute && isRefusal(error, EEXIST))) return;
    const cidr = setup.addresses[i - 1];
    throw cidr ? explainedAddressError(ns, { link, cidr, cause: error }) : error;
  });
}

/**
 * Tells neighbours whose the addresses are now, for those that knew them before: the kernel does
 * when a MAC is set, also to what it is. When the link went up, its bridge did not forward yet.
 */
export function announce(ns: Netns, { index, name, mac }: Named & Pick<Link, "mac">): void {
  ns.route.attempt(changeLink(`announce "${name}"`, index, { attributes: { address: mac } }));
}

/** Of several routes to one destination with one metric the first counts. */
function distinctRoutes(routes: readonly NewRoute[]): NewRoute[] {
  const seen = new Set<string>();
  return routes.filter(({ destination, priority = 0, table = 0 }) => {
    const key = `${formatCidr(networkOf(destination))} ${priority} ${table}`;
    return seen.has(key) ? false : seen.add(key);
  });
}

/** Makes IPv6 usable on a link that is to get such an address. */
export function prepareIpv6(ns: Netns, link: Named, address: IpAddress): void {
  for (const name of ["lo", link.name]) {
    const disabled = findSysctl(ns, `ipv6/conf/${name}/disable_ipv6`);
    if (disabled === undefined) throw noIpv6(ns, link, address);
    if (disabled !== "0") setSysctl(ns, `ipv6/conf/${name}/disable_ipv6`, "0");
  }
  setSysctl(ns, `ipv6/conf/${link.name}/keep_addr_on_down`, "1");
  setSysctlIfPresent(ns, `ipv6/conf/${link.name}/ndisc_notify`, "1");
}

function noIpv6(ns: Netns, link: Named, address: IpAddress): NetError {
  const { findIpv6Fault } = lazily<typeof import("./ipv6-fault.lazy.ts")>("ipv6-fault");
  const fault = findIpv6Fault(ns, link) ?? `"${link.name}" has no sysctls of IPv6`;
  const what = `add address ${formatAddress(address)} to "${link.name}"`;
  return new NetError("unsupported", `Cannot ${what}: ${fault}`);
}

/** Duplicate address detection for all of a link's IPv6 addresses, also the kernel's own. */
export function setDuplicateDetection(ns: Netns, link: Named, wanted: boolean): void {
  const directory = `ipv6/conf/${link.name}`;
  if (wanted) setSysctlIfPresent(ns, `${directory}/enhanced_dad`, "1");
  setSysctlIfPresent(ns, `${directory}/accept_dad`, wanted ? "1" : "0");
}

const IFA_F_DADFAILED = 0x08;
const IFA_F_TENTATIVE = 0x40;

/** True once no IPv6 address of a link is being probed; throws if one is a duplicate. */
export function areAddressesSettled(ns: Netns, link: Named): boolean {
  const addresses = listAddresses(ns, link).filter(({ cidr }) => cidr.address.length === 16);
  const duplicate = addresses.find(({ flags }) => flags & IFA_F_DADFAILED);
  if (duplicate) {
    const what = `use address ${formatCidr(duplicate.cidr)} on "${link.name}"`;
    throw new NetlinkError(what, EEXIST, { text: "another host answered for it (DADFAILED)" });
  }
  return !addresses.some(({ flags }) => flags & IFA_F_TENTATIVE);
}
