/** What ADD reports: the links it made or found, and the lease as it was applied. */

import type { AddCall } from "../../lib/cni/call.ts";
import type { Lease } from "../../lib/cni/ipam.ts";
import type { Result, ResultInterface, ResultRoute } from "../../lib/cni/result.ts";
import { passedOn } from "../../lib/cni/whose.ts";
import { formatAddress, parseAddress } from "../../lib/ip/address.ts";
import { formatCidr, parseCidr } from "../../lib/ip/cidr.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import type { Link } from "../../lib/net/link.ts";
import { isLinkScoped, type Route } from "../../lib/net/route.ts";
import type { BridgeConfig } from "./config.ts";

/** The routes to report: the lease's, and a default route by the gateway where one is asked for. */
export function reportedRoutes(config: BridgeConfig, lease: Lease): readonly ResultRoute[] {
  if (!config.isDefaultGateway) return lease.routes;
  const added = [
    { dst: "0.0.0.0/0", length: 4 },
    { dst: "::/0", length: 16 },
  ].flatMap(({ dst, length }) => {
    const gateway = lease.ips.find((ip) => ip.gateway?.length === length)?.gateway;
    const isThere = lease.routes.some((route) => isDefault(route, length));
    return gateway && !isThere ? [{ dst, gw: formatAddress(gateway) }] : [];
  });
  return [...lease.routes, ...added];
}

function isDefault({ dst }: ResultRoute, length: number): boolean {
  const cidr = parseCidr(dst);
  return cidr?.prefixLength === 0 && cidr.address.length === length;
}

/**
 * The routes to install: one without a gateway goes by the first of its family, if there is one
 * and the route's scope reaches beyond the link.
 */
export function resolvedRoutes(lease: Lease, routes: readonly ResultRoute[]): Route[] {
  return routes.flatMap(({ dst, gw, ...rest }) => {
    const destination = parseCidr(dst);
    if (!destination) return [];
    const own = gw === undefined ? undefined : parseAddress(gw);
    const first = lease.ips.find((ip) => ip.gateway?.length === destination.address.length);
    return [
      { ...rest, destination, gateway: own ?? (isLinkScoped(rest) ? undefined : first?.gateway) },
    ];
  });
}

/** The links of an attachment as they are at the end of ADD. */
export interface Links {
  readonly bridge: Pick<Link, "name" | "mac" | "mtu">;
  readonly outside: Pick<Link, "name" | "mac" | "mtu">;
  readonly inside: Pick<Link, "name" | "mac" | "mtu">;
  readonly vlanLink: Link | undefined;
}

/**
 * The result of ADD: our own addresses first, since who wants one takes the first, then what other
 * main plugins before this one reported; the container's loopback is no part of it.
 */
export function describe(
  call: AddCall<BridgeConfig>,
  links: Links,
  lease: Lease | undefined,
): Result {
  const { prevResult, netns, config } = call;
  const before = passedOn(prevResult ?? {});
  const dns = config.dns ?? lease?.result.dns;
  return {
    ...before,
    interfaces: [
      ...before.interfaces,
      describeLink(links.bridge),
      describeLink(links.outside),
      { ...describeLink(links.inside), sandbox: netns },
      ...(links.vlanLink ? [describeLink(links.vlanLink)] : []),
    ],
    ips: [...describeIps(lease, before.interfaces.length + 2), ...before.ips],
    routes: [...(before.routes ?? []), ...(lease ? reportedRoutes(config, lease) : [])],
    ...(dns ? { dns } : {}),
  };
}

function describeIps(lease: Lease | undefined, index: number) {
  return (lease?.ips ?? []).map(({ cidr, gateway }, i) => ({
    ...lease?.result.ips?.[i],
    address: formatCidr(cidr),
    ...(gateway ? { gateway: formatAddress(gateway) } : {}),
    interface: index,
  }));
}

function describeLink({ name, mac, mtu }: Pick<Link, "name" | "mac" | "mtu">): ResultInterface {
  return { name, mac: formatMac(mac), mtu };
}
