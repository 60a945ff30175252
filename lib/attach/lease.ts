/** The addresses of an attachment: taken from IPAM, applied to its link, given back if ADD fails. */

import type { AddCall, DelCall } from "../cni/call.ts";
import { configError } from "../cni/error.ts";
import * as ipam from "../cni/ipam.ts";
import type { NetConf } from "../cni/netconf.ts";
import { begin } from "../cni/steps.ts";
import type { Step, Undo } from "../cni/undo.ts";
import { equalAddresses, family, parseAddress } from "../ip/address.ts";
import { containsAddress, parseCidr } from "../ip/cidr.ts";
import { awaitAddresses, configureLink, prepareIpv6 } from "../net/configure.ts";
import { type LinkRef, setLinkUp } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { isLinkScoped, type Route } from "../net/route.ts";

/** Refuses a configuration without an IPAM plugin, for plugins that are of no use without one. */
export function requireIpam({ ipamType }: NetConf): void {
  if (ipamType === "") throw configError("ipam.type", "the name of an IPAM plugin", undefined);
}

/** What IPAM gives; it is given back if ADD fails. */
export function takeLease(call: AddCall<NetConf>, plugin: ipam.PluginFile, undo: Undo): ipam.Lease {
  return undo.step(
    "address allocation",
    () => ipam.addLease(call, plugin),
    () => ipam.takeBackLease(call),
  );
}

/**
 * DEL: takes the link away, then gives its addresses back, since they may be another's at once. Those
 * that are given back by way of the link go first.
 */
export function removalSteps(call: DelCall<NetConf>, removal: Step): readonly Step[] {
  const release: Step = ["release the addresses", () => ipam.deleteLease(call)];
  return ipam.isGivenBackByLink(call) ? [release, removal] : [removal, release];
}

/** What a link in the container gets before it is up, and with it. */
export interface Application {
  /** Undefined for an attachment of layer 2, which is only set up. */
  readonly lease: ipam.Lease | undefined;
  /** True to probe for duplicate IPv6 addresses, and to wait for that; false if not given. */
  readonly detectDuplicates?: boolean;
  /** False if the host is the router, so that no pod is; true if not given. */
  readonly heedsRouters?: boolean;
  /** Routes that come before the lease's, in the place of those to the addresses' own subnets. */
  readonly ahead?: readonly Route[];
}

/** Gives a link in the container the lease's addresses and routes, and sets it up. */
export function applyLease(container: Netns, link: LinkRef, application: Application): void {
  const { lease, detectDuplicates = false, heedsRouters = true, ahead } = application;
  begin("addresses and routes");
  if (!lease) {
    setLinkUp(container, link);
    return;
  }
  const addresses = lease.ips.map(({ cidr }) => cidr);
  const address = addresses.find((cidr) => family(cidr.address) === 6)?.address;
  prepareIpv6(container, link, { address, detectDuplicates, heedsRouters });
  const routes = resolvedRoutes(lease);
  const isProbed = detectDuplicates && address !== undefined;
  configureLink(container, link, {
    addresses,
    routes: ahead ? [...ahead, ...routes.map((route) => byLink(lease, route))] : routes,
    detectDuplicates: isProbed,
    withoutSubnets: ahead !== undefined,
  });
  if (isProbed) awaitAddresses(container, link);
}

/**
 * The routes to install: one without a gateway goes by the first of its family, if there is one
 * and the route's scope reaches beyond the link.
 */
function resolvedRoutes({ ips, routes }: ipam.Lease): Route[] {
  return routes.flatMap(({ dst, gw, ...rest }) => {
    const destination = parseCidr(dst);
    if (!destination) return [];
    const own = gw === undefined ? undefined : parseAddress(gw);
    const first = ips.find((ip) => ip.gateway?.length === destination.address.length);
    return [
      { ...rest, destination, gateway: own ?? (isLinkScoped(rest) ? undefined : first?.gateway) },
    ];
  });
}

/** A neighbour in a subnet that has no route by the link is looked for there all the same. */
function byLink({ ips }: ipam.Lease, route: Route): Route {
  const { gateway } = route;
  const isNeighbour =
    gateway !== undefined &&
    ips.some(({ cidr }) => containsAddress(cidr, gateway)) &&
    !ips.some((ip) => ip.gateway && equalAddresses(ip.gateway, gateway));
  return isNeighbour ? { ...route, isOnLink: true } : route;
}
