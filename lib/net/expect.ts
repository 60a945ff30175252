/** Comparing the kernel with what should be there: each returns a fault in words, or undefined. */

import type { ReadOf } from "../bytes/layout.ts";
import { equalAddresses, family, formatAddress } from "../ip/address.ts";
import { type Cidr, firstAddress, formatCidr } from "../ip/cidr.ts";
import { AF_INET, AF_INET6 } from "../netlink/address.ts";
import {
  listRoutes,
  listRoutesOf,
  type NewRoute,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  routeMessage,
} from "../netlink/route.ts";
import { listAddresses } from "./address.ts";
import type { LinkRef } from "./link.ts";
import type { Netns } from "./netns.ts";
import { dumpRoutes } from "./route.ts";

/** What a link's addresses lack. */
export function findAddressFault(
  ns: Netns,
  link: LinkRef,
  wanted: readonly Cidr[],
): string | undefined {
  if (wanted.length === 0) return undefined;
  const present = listAddresses(ns, link).map(({ cidr }) => cidr);
  const missing = wanted.find((cidr) => !present.some((other) => isSameCidr(cidr, other)));
  if (!missing) return undefined;
  return `"${link.name}" should have address ${formatCidr(missing)}, found ${inWords(present)}`;
}

function isSameCidr(a: Cidr, b: Cidr): boolean {
  return a.prefixLength === b.prefixLength && equalAddresses(a.address, b.address);
}

function inWords(cidrs: readonly Cidr[]): string {
  return cidrs.length === 0 ? "none" : cidrs.map(formatCidr).join(", ");
}

/**
 * What a namespace's routes lack, or those by one link. A default route may have moved: any one of
 * its family will do; every other must be there with its gateway. One that is of no table may be in
 * any: plugins that come later move routes.
 */
export function findRouteFault(
  ns: Netns,
  wanted: readonly NewRoute[],
  link?: LinkRef,
): string | undefined {
  for (const each of [4, 6] as const) {
    const ofFamily = wanted.filter(({ destination }) => family(destination.address) === each);
    for (const table of new Set(ofFamily.map((route) => route.table ?? RT_TABLE_MAIN))) {
      const missing = findMissing(
        ns,
        ofFamily.filter((route) => (route.table ?? RT_TABLE_MAIN) === table),
        { each, table, link },
      );
      const dev = link ? ` dev "${link.name}"` : "";
      if (missing) return `there should be a route ${routeWords(missing)}${dev}`;
    }
  }
  return undefined;
}

function findMissing(ns: Netns, wanted: readonly NewRoute[], where: Where): NewRoute | undefined {
  const isIn = (present: readonly Present[]) => (route: NewRoute) =>
    present.some((other) => isSameRoute(route, other));
  const isThere = isIn(routesOf(ns, where));
  const missing = wanted.filter((route) => !isThere(route));
  const movable = missing.filter(({ table }) => table === undefined);
  const isElsewhere = isIn(movable.length > 0 ? routesOf(ns, { ...where, table: undefined }) : []);
  return missing.find((route) => !movable.includes(route) || !isElsewhere(route));
}

type Present = { readonly destination: Cidr; readonly gateways: readonly Uint8Array[] };
type Attributes = ReadOf<typeof routeMessage>["attributes"];

interface Where {
  readonly each: 4 | 6;
  /** Undefined for all but the kernel's own. */
  readonly table: number | undefined;
  readonly link: LinkRef | undefined;
}

function routesOf(ns: Netns, { each, table, link }: Where): Present[] {
  const number = each === 4 ? AF_INET : AF_INET6;
  const any = { address: new Uint8Array(each === 4 ? 4 : 16), prefixLength: 0 };
  const request = link
    ? listRoutesOf(number, { outputInterface: link.index })
    : listRoutes(number, table);
  return dumpRoutes(ns, request, routeMessage)
    .map((message) => ({ ...message, in: message.attributes.table ?? message.header.table }))
    .filter((route) => (table === undefined ? route.in !== RT_TABLE_LOCAL : route.in === table))
    .filter(({ attributes }) => !link || goesBy(attributes, link))
    .map(({ header, attributes }) => ({
      destination: {
        address: attributes.destination ?? any.address,
        prefixLength: header.destinationLength,
      },
      gateways: gatewaysOf(attributes),
    }));
}

function goesBy({ outputInterface, multipath = [] }: Attributes, { index }: LinkRef): boolean {
  return (
    outputInterface === index || multipath.some((hop) => hop.header?.outputInterface === index)
  );
}

function gatewaysOf({ gateway, multipath = [] }: Attributes): Uint8Array[] {
  const hops = multipath.flatMap((hop) => hop.attributes?.gateway ?? []);
  return gateway ? [gateway, ...hops] : hops;
}

function isSameRoute(wanted: NewRoute, { destination, gateways }: Present): boolean {
  const { gateway } = wanted;
  const network = { ...wanted.destination, address: firstAddress(wanted.destination) };
  if (!isSameCidr(network, destination)) return false;
  if (network.prefixLength === 0 || !gateway || gateways.length === 0) return true;
  return gateways.some((present) => equalAddresses(present, gateway));
}

function routeWords({ destination, gateway, table }: NewRoute): string {
  const via = gateway ? ` via ${formatAddress(gateway)}` : "";
  return `${formatCidr(destination)}${via}${table === undefined ? "" : ` in table ${table}`}`;
}
