/**
 * A link between the host and one container, with no bridge: what each side has there. The host's
 * end has the gateways, and the host a route for each address; the container reaches the gateways
 * by the link, and its subnets by the gateways.
 */

import { EEXIST } from "../host/errno.ts";
import { equalAddresses, family, formatAddress, type IpAddress } from "../ip/address.ts";
import { type Cidr, hostCidr, networkOf } from "../ip/cidr.ts";
import { IFA_F_NODAD, newAddress } from "../netlink/address.ts";
import { isRefusal, type NetlinkError } from "../netlink/error.ts";
import { changeLink, IFF_UP } from "../netlink/link.ts";
import type { Request } from "../netlink/message.ts";
import { newRoute, RT_SCOPE_HOST, RT_SCOPE_LINK } from "../netlink/route.ts";
import { NetError } from "./error.ts";
import { explainAddress } from "./gateway.ts";
import type { LinkRef } from "./link.ts";
import type { Netns } from "./netns.ts";
import type { Route } from "./route.ts";
import { setSysctlIfPresent } from "./sysctl.ts";
import { findWay } from "./uplink.ts";

/** An address of the container, and the host's by which it sends. */
export interface GatedIp {
  readonly cidr: Cidr;
  readonly gateway: IpAddress;
}

/** The gateways of a container's addresses, each once. */
export function gatewaysOf(ips: readonly GatedIp[]): readonly IpAddress[] {
  const isFirst = ({ gateway }: GatedIp, i: number) =>
    ips.findIndex((other) => equalAddresses(other.gateway, gateway)) === i;
  return ips.filter(isFirst).map(({ gateway }) => gateway);
}

/** The host's routes to a container, of the scope that the reference plugin gives them. */
export function hostRoutes(ips: readonly GatedIp[]): readonly Route[] {
  return ips.map(({ cidr }) => ({ destination: hostCidr(cidr.address), scope: RT_SCOPE_HOST }));
}

/** The container's routes, in the place of those that the kernel would make to its subnets. */
export function containerRoutes(ips: readonly GatedIp[]): readonly Route[] {
  const toGateways = ips.map(({ cidr: { address: source }, gateway }) => ({
    destination: hostCidr(gateway),
    scope: RT_SCOPE_LINK,
    source,
  }));
  const toSubnets = ips.flatMap(({ cidr, gateway }) => {
    const isAlone = cidr.prefixLength === 8 * cidr.address.length;
    return isAlone ? [] : [{ destination: networkOf(cidr), gateway, source: cidr.address }];
  });
  return [...toGateways, ...toSubnets];
}

/**
 * Sets the host's end up, with its gateways and the routes to the container. All of it goes with
 * the link. Throws NetError (conflict) if the host has another route to an address.
 */
export function setUpHostEnd(ns: Netns, link: LinkRef, ips: readonly GatedIp[]): void {
  const gateways = gatewaysOf(ips);
  const gateway = (address: IpAddress): Request => ({
    ...newAddress(link, hostCidr(address), family(address) === 6 ? IFA_F_NODAD : 0),
    explain: explainAddress(ns, link, hostCidr(address)),
  });
  const way = (route: Route): Request => ({
    ...newRoute(link, route, "exclusive"),
    explain: (refusal) => explainRoute(ns, route, refusal),
  });
  if (gateways.some((address) => family(address) === 6)) useAtOnce(ns, link);
  ns.route.perform(
    changeLink(`set "${link.name}" up`, link.index, { set: IFF_UP }),
    ...gateways.map(gateway),
    ...hostRoutes(ips).map(way),
  );
}

/** Neighbours are looked for under the link's own IPv6 address, which is not to be probed first. */
function useAtOnce(ns: Netns, { name }: LinkRef): void {
  setSysctlIfPresent(ns, `ipv6/conf/${name}/accept_dad`, "0");
}

/** Who has the address: as a rule another container, by a link that bears its owner's names. */
function explainRoute(ns: Netns, { destination }: Route, refusal: NetlinkError): Error {
  if (!isRefusal(refusal, EEXIST)) return refusal;
  const { name, alias } = findWay(ns, destination.address) ?? { name: "no link", alias: "" };
  const owner = alias === "" ? "" : `, whose alias is "${alias}"`;
  const what = `Cannot add a route to ${formatAddress(destination.address)}`;
  return new NetError("conflict", `${what}: there is one already, by "${name}"${owner}`);
}
