/** Routes: what `ip route` reads and writes. Layout from linux/rtnetlink.h. */

import { records } from "../bytes/array.ts";
import { attr, attributes } from "../bytes/attributes.ts";
import { write } from "../bytes/layout.ts";
import { packCounted } from "../bytes/packed.ts";
import { ip, s32, u8, u16, u32 } from "../bytes/scalar.ts";
import { message, packedMessage, struct } from "../bytes/struct.ts";
import { formatAddress, type IpAddress } from "../ip/address.ts";
import { type Cidr, formatCidr, networkOf } from "../ip/cidr.ts";
import { familyNumber } from "./address.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, type Request, request } from "./message.ts";

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;

/** Multicast groups that announce every change of a route. */
export const RTNLGRP_IPV4_ROUTE = 7;
export const RTNLGRP_IPV6_ROUTE = 11;

/** Tables that the kernel makes for itself. */
export const RT_TABLE_DEFAULT = 253;
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;
/** Makers of routes; no maker stands for any when a route is deleted. */
export const RTPROT_UNSPEC = 0;
export const RTPROT_KERNEL = 2;
export const RTPROT_BOOT = 3;
/** From router advertisements: the kernel keeps these itself. */
export const RTPROT_RA = 9;
/** Routes and rules that are ours say so: the number is free in linux/rtnetlink.h and rt_protos. */
export const RTPROT_WEFT = 87;
/** Routes to others, and not to the host itself or to nobody. */
export const RTN_UNICAST = 1;
export const RTNH_F_ONLINK = 4;

/** The head of every message about a route. */
export const rtmsg = /* @__PURE__ */ struct("rtmsg", {
  family: u8,
  destinationLength: u8,
  sourceLength: u8,
  tos: u8,
  table: u8,
  protocol: u8,
  scope: u8,
  type: u8,
  flags: u32,
});

const metrics = /* @__PURE__ */ attributes({
  mtu: attr(2, "RTAX_MTU", u32),
  advmss: attr(8, "RTAX_ADVMSS", u32),
});

/** What a next hop begins with (struct rtnexthop). */
export const rtnexthop = /* @__PURE__ */ struct("rtnexthop", {
  length: u16,
  flags: u8,
  hops: u8,
  outputInterface: s32,
});

const nextHop = /* @__PURE__ */ message(
  rtnexthop,
  /* @__PURE__ */ attributes({ gateway: attr(5, "RTA_GATEWAY", ip) }),
);

/** What is read of a route. */
export const routeRows = {
  destination: attr(1, "RTA_DST", ip),
  outputInterface: attr(4, "RTA_OIF", u32),
  gateway: attr(5, "RTA_GATEWAY", ip),
  priority: attr(6, "RTA_PRIORITY", u32),
  preferredSource: attr(7, "RTA_PREFSRC", ip),
  metrics: attr(8, "RTA_METRICS", metrics),
  multipath: attr(9, "RTA_MULTIPATH", /* @__PURE__ */ records(nextHop)),
  table: attr(15, "RTA_TABLE", u32),
};

/** One route. */
export const routeMessage = /* @__PURE__ */ message(rtmsg, /* @__PURE__ */ attributes(routeRows));

/** The same as a packed text: who made it, prefix length; link, address, gateway, each behind its length. */
export const packedRoute = /* @__PURE__ */ packedMessage(
  rtmsg,
  ["protocol", "destinationLength"],
  [routeRows.outputInterface, routeRows.destination, routeRows.gateway],
);

/** The link in such a text, behind its length. */
export function packedLink(index: number): string {
  return packCounted(write(u32, index));
}

/** The links that a route leads to: its own, or those of its next hops. */
export function outputsOf(route: {
  readonly outputInterface?: number | undefined;
  readonly multipath?: readonly { readonly header?: { readonly outputInterface?: number } }[];
}): number[] {
  const { outputInterface, multipath = [] } = route;
  const outputs = outputInterface === undefined ? [] : [outputInterface];
  return [...outputs, ...multipath.flatMap(({ header }) => header?.outputInterface ?? [])];
}

/** A route to be: `scope` defaults to the universe, `table` to main, `priority` to the kernel's. */
export interface NewRoute {
  readonly destination: Cidr;
  readonly gateway?: IpAddress | undefined;
  readonly priority?: number | undefined;
  readonly table?: number | undefined;
  readonly scope?: number | undefined;
  readonly mtu?: number | undefined;
  readonly advmss?: number | undefined;
  readonly source?: IpAddress | undefined;
  /** The gateway is on the link although no address of the link says so. */
  readonly isOnLink?: boolean;
  /** Gateways beside the first, all by the same link: then the kernel spreads what it sends. */
  readonly moreGateways?: readonly IpAddress[];
  /** Who made it (rtm_protocol); by default "boot", which says nothing. */
  readonly protocol?: number;
}

interface Target {
  readonly index: number;
  readonly name: string;
}

/** The message that a route to be is. */
export function routeValue(link: Target, route: NewRoute) {
  const { destination, gateway, moreGateways = [], table = RT_TABLE_MAIN } = route;
  const withMetrics = route.mtu !== undefined || route.advmss !== undefined;
  return {
    header: {
      family: familyNumber(destination.address),
      destinationLength: destination.prefixLength,
      table: table < 256 ? table : 0,
      protocol: route.protocol ?? RTPROT_BOOT,
      scope: route.scope ?? 0,
      type: RTN_UNICAST,
      flags: route.isOnLink ? RTNH_F_ONLINK : 0,
    },
    attributes: {
      ...(destination.prefixLength > 0 ? { destination: networkOf(destination).address } : {}),
      ...(gateway && moreGateways.length > 0
        ? { multipath: [gateway, ...moreGateways].map((each) => hopBy(link, each)) }
        : { outputInterface: link.index, ...(gateway ? { gateway } : {}) }),
      ...(route.priority ? { priority: route.priority } : {}),
      ...(route.source ? { preferredSource: route.source } : {}),
      ...(withMetrics ? { metrics: routeMetrics(route) } : {}),
      ...(table >= 256 ? { table } : {}),
    },
  };
}

function hopBy({ index }: Target, gateway: IpAddress) {
  return { header: { outputInterface: index }, attributes: { gateway } };
}

function routeMetrics({ mtu, advmss }: NewRoute) {
  return {
    ...(mtu === undefined ? {} : { mtu }),
    ...(advmss === undefined ? {} : { advmss }),
  };
}

/** The route in words, as errors show it. */
export function describeRoute(route: NewRoute): string {
  const gateways = [...(route.gateway ? [route.gateway] : []), ...(route.moreGateways ?? [])];
  const via = gateways.length > 0 ? ` via ${gateways.map(formatAddress).join(", ")}` : "";
  const metric = route.priority ? ` metric ${route.priority}` : "";
  const table = route.table === undefined ? "" : ` table ${route.table}`;
  return `${formatCidr(route.destination)}${via}${metric}${table}`;
}

const modes = {
  exclusive: NLM_F_CREATE | NLM_F_EXCL,
  create: NLM_F_CREATE,
  replace: NLM_F_CREATE | NLM_F_REPLACE,
};

/**
 * Adds a route: `exclusive` refuses a second one to the same destination with the same metric,
 * `create` only an identical one, both with EEXIST; `replace` takes the place of another.
 */
export function newRoute(link: Target, route: NewRoute, mode: keyof typeof modes): Request {
  return request({
    what: () => `add route ${describeRoute(route)} dev "${link.name}"`,
    type: RTM_NEWROUTE,
    flags: modes[mode],
    codec: routeMessage,
    value: routeValue(link, route),
  });
}

/** Deletes a route. */
export function delRoute(link: Target, route: NewRoute): Request {
  return request({
    what: () => `delete route ${describeRoute(route)} dev "${link.name}"`,
    type: RTM_DELROUTE,
    codec: routeMessage,
    value: routeValue(link, route),
  });
}

/** Asks by which route a packet would go to an address; ENETUNREACH or EHOSTUNREACH if by none. */
export function getRoute(destination: IpAddress): Request {
  return request({
    what: () => `find the route to ${formatAddress(destination)}`,
    type: RTM_GETROUTE,
    codec: routeMessage,
    value: {
      header: { family: familyNumber(destination), destinationLength: 8 * destination.length },
      attributes: { destination },
    },
  });
}

/** Which routes to list: those by one link, those that somebody made, those of a type, or all of it. */
export interface RouteFilter {
  readonly protocol?: number;
  readonly type?: number;
  readonly outputInterface?: number;
}

/** Asks for the routes of a family by a link, of a maker or of a type; an old kernel gives all. */
export function listRoutesOf(family: number, filter: RouteFilter): Request {
  const { protocol = 0, type = 0, outputInterface } = filter;
  return request({
    what: "list routes",
    type: RTM_GETROUTE,
    codec: routeMessage,
    value: {
      header: { family, protocol, type },
      attributes: outputInterface === undefined ? {} : { outputInterface },
    },
  });
}

/** Asks for all routes of a family, of one table or of every one. */
export function listRoutes(family: number, table: number | undefined): Request {
  return request({
    what: "list routes",
    type: RTM_GETROUTE,
    codec: routeMessage,
    value: {
      header: { family },
      attributes: table === undefined ? {} : { table },
    },
  });
}
