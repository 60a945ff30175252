/** What a namespace has of one link, for people: addresses, routes by it, neighbours, fdb entries. */

import { formatAddress, isLinkLocal } from "../ip/address.ts";
import { formatCidr } from "../ip/cidr.ts";
import { formatMac, isMulticastMac } from "../ip/mac.ts";
import { AF_INET, AF_INET6 } from "../netlink/address.ts";
import { AF_BRIDGE } from "../netlink/link.ts";
import { listNeighbours, neighbourMessage } from "../netlink/neighbour.ts";
import { listRoutes, outputsOf, RT_TABLE_MAIN, routeMessage } from "../netlink/route.ts";
import { listAddresses } from "./address.ts";
import { ifFew } from "./few.ts";
import type { Link, LinkRef } from "./link.ts";
import type { Netns } from "./netns.ts";
import { dumpRoutes } from "./route.ts";

export interface SeenLink {
  readonly name: string;
  readonly kind: string;
  readonly mac: string;
  readonly mtu: number;
  readonly isUp: boolean;
  readonly alias: string;
}

/** A link in words that programs and people read alike. */
export function seenLink({ name, kind, mac, mtu, isUp, alias }: Link): SeenLink {
  return { name, kind, mac: formatMac(mac), mtu, isUp, alias };
}

/** A route of the main table; `to` is `default` or a network. */
export interface SeenRoute {
  readonly to: string;
  readonly via: string | undefined;
}

/** The addresses of a link with their lengths, without those that the kernel gives each link. */
export function seenAddresses(ns: Netns, link: LinkRef): readonly string[] {
  const addresses = ifFew(() => listAddresses(ns, link));
  return addresses.filter(({ scope }) => scope === 0).map(({ cidr }) => formatCidr(cidr));
}

/** The routes of the main table by a link, of both families, without those for the link alone. */
export function seenRoutes(ns: Netns, { index }: LinkRef): readonly SeenRoute[] {
  return [AF_INET, AF_INET6].flatMap((family) => {
    const routes = ifFew(() => dumpRoutes(ns, listRoutes(family, RT_TABLE_MAIN), routeMessage));
    const own = routes.filter(({ header, attributes: { table = header.table, ...route } }) => {
      const { destination } = route;
      if (table !== RT_TABLE_MAIN || (destination && isLinkLocal(destination))) return false;
      return outputsOf(route).includes(index);
    });
    return own.map(({ header, attributes: { destination, gateway } }) => ({
      to: destination ? `${formatAddress(destination)}/${header.destinationLength}` : "default",
      via: gateway && formatAddress(gateway),
    }));
  });
}

/** An address, or a MAC of a bridge's port, and behind what it is. */
export interface SeenNeighbour {
  readonly kind: "neighbour" | "fdb";
  readonly address: string | undefined;
  readonly mac: string;
}

/** The neighbours of a link, and as a bridge's port the MACs behind it; groups are left out. */
export function seenNeighbours(ns: Netns, link: LinkRef): readonly SeenNeighbour[] {
  return [AF_INET, AF_INET6, AF_BRIDGE].flatMap((family) => {
    const found = ns.route.dump(listNeighbours(link, family), neighbourMessage);
    const own = found.filter(({ header, attributes: { mac = noMac } }) => {
      return header.index === link.index && mac.length === noMac.length && !isMulticastMac(mac);
    });
    return own.map(({ attributes: { destination, mac = noMac } }) => ({
      kind: family === AF_BRIDGE ? ("fdb" as const) : ("neighbour" as const),
      address: destination && formatAddress(destination),
      mac: formatMac(mac),
    }));
  });
}

const noMac = /* @__PURE__ */ new Uint8Array(6);
