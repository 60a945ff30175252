/**
 * Which routes go where. A link's routes leave the main table for those of its addresses; they are
 * as they were, but for the table.
 *
 *   10.1.2.0/24  the subnet of the link's address          to that address's table
 *   0.0.0.0/0 via 10.1.2.1  by a gateway in its subnet      to that address's table
 *   198.51.100.0/24  neither a source nor a gateway         to all tables of its family
 *   fe80::/64  needed by link-local addresses               to all tables of its family, and stays
 */

import { family, type IpAddress, isLinkLocal } from "../../lib/ip/address.ts";
import { type Cidr, containsAddress, formatCidr, networkOf } from "../../lib/ip/cidr.ts";
import type { LinkRef } from "../../lib/net/link.ts";
import { LINK_SCOPE } from "../../lib/net/route.ts";
import { inTable, MAIN_TABLE, ownRoute, type TableRoute } from "../../lib/net/table.ts";
import type { TabledSource } from "./source.ts";

/** What is to be done with routes: none of `coming` is there yet, all of `leaving` are. */
export interface Move {
  readonly coming: readonly TableRoute[];
  readonly leaving: readonly TableRoute[];
}

/** What is there, and what for. */
export interface Situation {
  readonly link: LinkRef;
  /** The routes by the link in all tables. */
  readonly routes: readonly TableRoute[];
  readonly sources: readonly TabledSource[];
  readonly addSourceHints: boolean;
}

/** What makes the routes right; nothing if they are. */
export function planMove(situation: Situation): Move {
  const main = situation.routes.filter(({ table, isOwn }) => table === MAIN_TABLE && !isOwn);
  const present = new Set(situation.routes.map(keyOf));
  const tabled = situation.sources.flatMap((source) => tableOf(source, main, situation));
  const coming = tabled.filter((route) => !present.has(keyOf(route)));
  return {
    coming: [...coming, ...hintsOf(situation)],
    leaving: main.filter((route) => !stays(route, situation)),
  };
}

/** What a source's table is to have: the link's routes that concern it, and a default route. */
function tableOf(
  source: TabledSource,
  main: readonly TableRoute[],
  situation: Situation,
): TableRoute[] {
  const { table, gateway, isGatewayConfigured } = source;
  const concerned = main
    .filter((route) => concerns(route, source, situation.sources))
    .filter((route) => !isGatewayConfigured || !isDefault(route))
    .map((route) => inTable(route, table));
  const present = situation.routes.filter((route) => route.table === table);
  const hasDefault = [...concerned, ...present].some((route) => isDefaultOf(route, source));
  if (!gateway || hasDefault) return concerned;
  const destination = { address: new Uint8Array(gateway.length), prefixLength: 0 };
  const isOnLink = !isReached(gateway, [...concerned, ...present]);
  return [...concerned, ownRoute(situation.link, { destination, gateway, table, isOnLink })];
}

/** True if the kernel finds a gateway; of a router's link-local IPv6 address it asks for no route. */
function isReached(gateway: IpAddress, routes: readonly TableRoute[]): boolean {
  if (family(gateway) === 6 && isLinkLocal(gateway)) return true;
  const direct = routes.filter((route) => route.isDirect && !isDefault(route));
  return direct.some(({ destination }) => containsAddress(destination, gateway));
}

/** A route is a source's if it is of its subnet, and everybody's of the family if of none. */
function concerns(
  { destination, source, gateway }: TableRoute,
  { cidr }: TabledSource,
  all: readonly TabledSource[],
): boolean {
  if (destination.address.length !== cidr.address.length) return false;
  const clue = source ?? gateway;
  if (clue === undefined || containsAddress(cidr, clue)) return true;
  return !all.some((other) => containsAddress(other.cidr, clue));
}

/** What stays in the main table, where sources of a link alone, or hints, are looked for. */
function stays(route: TableRoute, { addSourceHints, sources }: Situation): boolean {
  const { destination, isDirect, source } = route;
  if (family(destination.address) === 6 && isLinkLocal(destination.address)) return true;
  if (!addSourceHints || !isDirect) return false;
  return source !== undefined || !sources.some(({ cidr }) => isNetworkOf(destination, cidr));
}

/** Routes to the sources' subnets that name the source; the first source of a subnet counts. */
function hintsOf({ addSourceHints, link, routes, sources }: Situation): TableRoute[] {
  if (!addSourceHints) return [];
  const main = routes.filter(({ table, source }) => table === MAIN_TABLE && source !== undefined);
  return sources.flatMap(({ cidr }, i) => {
    const isFirst = !sources.slice(0, i).some((other) => isNetworkOf(networkOf(cidr), other.cidr));
    const isThere = main.some(({ destination }) => isNetworkOf(destination, cidr));
    if (!isFirst || isThere) return [];
    const destination = networkOf(cidr);
    const scope = family(cidr.address) === 4 ? { scope: LINK_SCOPE } : {};
    return [ownRoute(link, { destination, source: cidr.address, ...scope })];
  });
}

function isNetworkOf(destination: Cidr, cidr: Cidr): boolean {
  return formatCidr(destination) === formatCidr(networkOf(cidr));
}

function isDefault({ destination }: TableRoute): boolean {
  return destination.prefixLength === 0;
}

function isDefaultOf(route: TableRoute, { cidr }: TabledSource): boolean {
  return isDefault(route) && route.destination.address.length === cidr.address.length;
}

/** By what the kernel tells one route from another. */
function keyOf({ table, destination, gateway, message }: TableRoute): string {
  const { priority = 0, multipath = [] } = message.attributes;
  const others = multipath.flatMap((hop) => [
    hop.header?.outputInterface ?? 0,
    hop.header?.hops ?? 0,
    ...(hop.attributes?.gateway ?? []),
  ]);
  const hops = [...(gateway ?? []), "/", ...others];
  return [table, formatCidr(destination), message.header.tos, priority, ...hops].join(" ");
}
