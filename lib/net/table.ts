/**
 * Routing tables: what is in them, which are free, and routes that go from one to another as they
 * are. What the kernel keeps itself, its own table and what routers announce, stays where it is.
 */

import { EEXIST, ESRCH } from "../host/errno.ts";
import type { IpAddress } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import { AF_INET, AF_INET6 } from "../netlink/address.ts";
import type { Request } from "../netlink/message.ts";
import {
  listRoutes,
  type NewRoute,
  outputsOf,
  RT_TABLE_DEFAULT,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_UNICAST,
  RTPROT_RA,
  RTPROT_WEFT,
  routeValue,
} from "../netlink/route.ts";
import {
  delRouteAgain,
  routeAgain,
  type WholeRoute,
  wholeRouteMessage,
} from "../netlink/whole-route.ts";
import { type LinkRef, listLinks } from "./link.ts";
import type { Netns } from "./netns.ts";
import { dumpRoutes } from "./route.ts";
import { listRules, type Rule } from "./rule.ts";

export const MAIN_TABLE = RT_TABLE_MAIN;

/** A route in a table. */
export interface TableRoute {
  readonly table: number;
  readonly destination: Cidr;
  /** Undefined for one that needs none, and for one of several next hops. */
  readonly gateway: IpAddress | undefined;
  /** True if what it leads to is on the link: then gateways may be reached by it. */
  readonly isDirect: boolean;
  /** The address that packets get which have none yet. */
  readonly source: IpAddress | undefined;
  readonly isOwn: boolean;
  /** The indexes of the links that it leads to. */
  readonly outputs: readonly number[];
  /** As the kernel told it, or is to be told. */
  readonly message: WholeRoute;
}

/** What decides in a namespace which way packets go. */
export interface Routing {
  readonly rules: readonly Rule[];
  readonly routes: readonly TableRoute[];
}

/** The rules and the routes of all tables, of IPv4 and IPv6. */
export function readRouting(ns: Netns): Routing {
  return { rules: listRules(ns), routes: listTableRoutes(ns) };
}

/** The routes of all tables but the kernel's own, of IPv4 and IPv6. */
export function listTableRoutes(ns: Netns): TableRoute[] {
  return [AF_INET, AF_INET6].flatMap((family) =>
    dumpRoutes(ns, listRoutes(family, undefined), wholeRouteMessage)
      .filter(({ header }) => header.family === family)
      .map(toTableRoute)
      .filter(({ table }) => table !== RT_TABLE_LOCAL),
  );
}

function toTableRoute(message: WholeRoute): TableRoute {
  const { header, attributes } = message;
  const any = new Uint8Array(header.family === AF_INET ? 4 : 16);
  return {
    table: attributes.table ?? header.table,
    destination: {
      address: attributes.destination ?? any,
      prefixLength: header.destinationLength,
    },
    gateway: attributes.gateway,
    isDirect: !(attributes.gateway ?? attributes.multipath ?? attributes.via),
    source: attributes.preferredSource,
    isOwn: header.protocol === RTPROT_WEFT,
    outputs: outputsOf(attributes),
    message,
  };
}

/** A route by a link that is to be made, and is ours. */
export function ownRoute(link: LinkRef, route: NewRoute): TableRoute {
  const { header, attributes } = routeValue(link, { ...route, protocol: RTPROT_WEFT });
  const blank = { sourceLength: 0, tos: 0 };
  return inTable(
    toTableRoute({ header: { ...blank, ...header }, attributes: withoutMetrics(attributes) }),
    route.table ?? RT_TABLE_MAIN,
  );
}

/** Ours are made without them. */
function withoutMetrics({ metrics: _, ...rest }: ReturnType<typeof routeValue>["attributes"]) {
  return rest;
}

/** The same route in another table. */
export function inTable(route: TableRoute, table: number): TableRoute {
  const { header, attributes } = route.message;
  return {
    ...route,
    table,
    message: {
      header: { ...header, table: table < 256 ? table : 0 },
      attributes: { ...attributes, table },
    },
  };
}

/**
 * The routes to others that lead by a link and no other, without those that the kernel keeps itself:
 * in the table of a VRF are also those to the link's own addresses.
 */
export function routesBy(routes: readonly TableRoute[], { index }: LinkRef): TableRoute[] {
  return routes.filter(
    ({ outputs, message: { header } }) =>
      header.type === RTN_UNICAST &&
      header.protocol !== RTPROT_RA &&
      outputs.length > 0 &&
      outputs.every((output) => output === index),
  );
}

/** As many requests as one datagram carries at most. */
const BATCH = 64;

/** Adds routes, those first that gateways are reached by; what is there already is fine. */
export function addRoutes(ns: Netns, routes: readonly TableRoute[]): void {
  performInBatches(
    ns,
    additions(routes).map((request) => ({ ...request, tolerates: [EEXIST] })),
  );
}

/** Adds those of the routes that the kernel takes. */
export function restoreRoutes(ns: Netns, routes: readonly TableRoute[]): void {
  performInBatches(ns, restorations(routes));
}

/** What adds those of the routes that the kernel takes. */
export function restorations(routes: readonly TableRoute[]): readonly Request[] {
  return additions(routes).map((request) => ({ ...request, tolerates: "any" }));
}

function additions(routes: readonly TableRoute[]): readonly Request[] {
  const direct = routes.filter(({ isDirect }) => isDirect);
  const others = routes.filter(({ isDirect }) => !isDirect);
  return [...direct, ...others].map(({ message }) => routeAgain(message));
}

/** Deletes routes; what is gone already is fine. */
export function deleteRoutes(ns: Netns, routes: readonly TableRoute[]): void {
  const requests = routes.map(({ message }) => ({ ...delRouteAgain(message), tolerates: [ESRCH] }));
  performInBatches(ns, requests);
}

/** Performs any number of requests, in datagrams that are not too long. */
export function performInBatches(ns: Netns, requests: readonly Request[]): void {
  for (let at = 0; at < requests.length; at += BATCH) {
    ns.route.perform(...requests.slice(at, at + BATCH));
  }
}

/** The numbers that mean something to the kernel by themselves. */
const RESERVED = [0, RT_TABLE_DEFAULT, RT_TABLE_MAIN, RT_TABLE_LOCAL];

/** True for the number of a table that is the kernel's, or that is none. */
export function isReservedTable(table: number): boolean {
  return RESERVED.includes(table);
}

/** The first table from a number on in which nothing is, and to which no rule and no VRF leads. */
export function freeTable(ns: Netns, { rules, routes }: Routing, from: number): number {
  const ofVrfs = listLinks(ns).flatMap(({ vrfTable }) => vrfTable ?? []);
  const used = new Set([
    ...RESERVED,
    ...ofVrfs,
    ...rules.map(({ table }) => table),
    ...routes.map(({ table }) => table),
  ]);
  let table = from;
  while (used.has(table)) table++;
  return table;
}
