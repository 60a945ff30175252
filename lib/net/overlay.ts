/**
 * The entries that lead to other hosts: for each a route to its subnets by the device, a neighbour
 * for the gateway that the route names, and a forwarding entry that says which host has that MAC.
 *
 *   10.244.2.0/24 via 10.244.2.0 dev weft.1 onlink      route
 *   10.244.2.0    lladdr 02:ab:...  permanent           neighbour
 *   02:ab:...     dst 192.0.2.2     permanent           forwarding entry
 *
 * Reconciling reads what is there, compares, and sends the difference. A packet needs nothing else.
 */

import { EEXIST, ENOENT, ESRCH } from "../host/errno.ts";
import { formatAddress, type IpAddress } from "../ip/address.ts";
import { type Cidr, firstAddress, formatCidr, hostCidr } from "../ip/cidr.ts";
import { formatMac, type Mac } from "../ip/mac.ts";
import { AF_INET, AF_INET6, newAddress } from "../netlink/address.ts";
import { isRefusal } from "../netlink/error.ts";
import { AF_BRIDGE } from "../netlink/link.ts";
import type { Request } from "../netlink/message.ts";
import * as neighbour from "../netlink/neighbour.ts";
import { delRoute, listRoutesOf, type NewRoute, newRoute, routeMessage } from "../netlink/route.ts";
import { deleteAddressIfPresent, listAddresses } from "./address.ts";
import type { Link } from "./link.ts";
import type { Netns } from "./netns.ts";

/** Another host. */
export interface Peer {
  readonly subnets: readonly Cidr[];
  readonly publicIP: IpAddress;
  readonly mac: Mac;
  /** True if the uplink reaches it without a router, and its packets need no wrapping. */
  readonly isDirect: boolean;
}

type Named = Pick<Link, "index" | "name">;

/** The device, the link that direct routes go by, and where they are to lead. */
export interface Overlay {
  readonly device: Named;
  readonly uplink: Named;
  readonly peers: readonly Peer[];
}

/** Routes that are ours say so: the number is free in linux/rtnetlink.h and rt_protos. */
export const RTPROT_WEFT = 87;

/** How many requests one datagram holds. */
const BATCH = 128;

/** One entry: what it is in words, how to make it, and how to take it away. */
interface Entry {
  readonly set: Request;
  readonly remove: Request;
  readonly peer: string;
}

type Entries = Map<string, Entry>;

/** Sends what is missing and takes away what is too much; returns both in words. */
export function reconcile(ns: Netns, overlay: Overlay): readonly string[] {
  const [wanted, found] = [wantedEntries(overlay), foundEntries(ns, overlay)];
  const stale = [...found].filter(([key]) => !wanted.has(key)).map(([, { remove }]) => remove);
  const missing = [...wanted].filter(([key]) => !found.has(key)).map(([, { set }]) => set);
  send(ns, stale, (error) => isRefusal(error, ENOENT, ESRCH));
  send(ns, missing, () => false);
  return [...stale, ...missing].map(({ what }) => what);
}

/** What differs from what is wanted, each with the host it concerns. */
export function findOverlayFaults(ns: Netns, overlay: Overlay): readonly string[] {
  const [wanted, found] = [wantedEntries(overlay), foundEntries(ns, overlay)];
  const missing = [...wanted].filter(([key]) => !found.has(key));
  const stale = [...found].filter(([key]) => !wanted.has(key));
  return [
    ...missing.map(([key, { peer }]) => `peer ${peer}: there is no ${key}`),
    ...stale.map(([key]) => `no peer has ${key}`),
  ];
}

function send(ns: Netns, requests: readonly Request[], isFine: (error: unknown) => boolean): void {
  for (let at = 0; at < requests.length; at += BATCH) {
    const outcomes = ns.route.attempt(...requests.slice(at, at + BATCH));
    for (const { error } of outcomes) if (error && !isFine(error)) throw error;
  }
}

function wantedEntries({ device, uplink, peers }: Overlay): Entries {
  const entries: Entries = new Map();
  for (const peer of peers) {
    const name = formatAddress(peer.publicIP);
    const add = ([key, entry]: readonly [string, Omit<Entry, "peer">]) =>
      entries.set(key, { ...entry, peer: name });
    for (const subnet of peer.subnets) add(routeEntry({ device, uplink, peer, subnet }));
    if (peer.isDirect) continue;
    for (const subnet of peer.subnets) {
      add(neighbourEntry(device, { address: firstAddress(subnet), mac: peer.mac }));
    }
    add(forwardingEntry(device, { address: peer.publicIP, mac: peer.mac }));
  }
  return entries;
}

interface Leading extends Omit<Overlay, "peers"> {
  readonly peer: Peer;
  readonly subnet: Cidr;
}

function routeEntry({ device, uplink, peer, subnet }: Leading) {
  const isDirect = peer.isDirect && subnet.address.length === peer.publicIP.length;
  const gateway = isDirect ? peer.publicIP : firstAddress(subnet);
  return entryOfRoute(isDirect ? uplink : device, {
    destination: subnet,
    gateway,
    isOnLink: !isDirect,
    protocol: RTPROT_WEFT,
  });
}

function entryOfRoute(link: Named, route: NewRoute) {
  const via = route.gateway ? formatAddress(route.gateway) : "";
  const key = `route ${formatCidr(route.destination)} via ${via} dev ${link.index}`;
  return [key, { set: newRoute(link, route, "replace"), remove: delRoute(link, route) }] as const;
}

function neighbourEntry(device: Named, pair: neighbour.Pair) {
  const key = `neighbour ${formatAddress(pair.address)} ${formatMac(pair.mac)}`;
  return [
    key,
    { set: neighbour.setNeighbour(device, pair), remove: neighbour.delNeighbour(device, pair) },
  ] as const;
}

function forwardingEntry(device: Named, pair: neighbour.Pair) {
  const key = `forwarding entry ${formatMac(pair.mac)} ${formatAddress(pair.address)}`;
  return [
    key,
    { set: neighbour.setForwarding(device, pair), remove: neighbour.delForwarding(device, pair) },
  ] as const;
}

function foundEntries(ns: Netns, { device, uplink }: Overlay): Entries {
  const found = [
    ...routes(ns, [device, uplink]),
    ...pairs(ns, device, AF_INET).map((pair) => neighbourEntry(device, pair)),
    ...pairs(ns, device, AF_INET6).map((pair) => neighbourEntry(device, pair)),
    ...pairs(ns, device, AF_BRIDGE).map((pair) => forwardingEntry(device, pair)),
  ];
  return new Map(found.map(([key, entry]) => [key, { ...entry, peer: "" }]));
}

function routes(ns: Netns, links: readonly Named[]) {
  return [AF_INET, AF_INET6].flatMap((family) =>
    ns.route
      .dump(listRoutesOf(family, RTPROT_WEFT), routeMessage)
      .flatMap(({ header, attributes: { destination, gateway, outputInterface } }) => {
        const link = links.find(({ index }) => index === outputInterface);
        if (header.protocol !== RTPROT_WEFT || !link || !destination || !gateway) return [];
        const cidr = { address: destination, prefixLength: header.destinationLength };
        return [entryOfRoute(link, { destination: cidr, gateway, protocol: RTPROT_WEFT })];
      }),
  );
}

/** Permanent ones only: the kernel adds others of its own, for multicast. */
function pairs(ns: Netns, device: Named, family: number): neighbour.Pair[] {
  return ns.route
    .dump(neighbour.listNeighbours(device, family), neighbour.neighbourMessage)
    .flatMap(({ header, attributes: { destination, mac } }) => {
      const isOwn = header.index === device.index && header.family === family;
      const isPermanent = (header.state & neighbour.NUD_PERMANENT) !== 0;
      return isOwn && isPermanent && destination && mac ? [{ address: destination, mac }] : [];
    });
}

/** The device has the first address of each of this host's subnets, and no other. */
export function ensureVtepAddresses(ns: Netns, device: Named, subnets: readonly Cidr[]): void {
  const wanted = subnets.map((subnet) => hostCidr(firstAddress(subnet)));
  const found = listAddresses(ns, device).map(({ cidr }) => cidr);
  const isIn = (list: readonly Cidr[], cidr: Cidr) =>
    list.some((other) => formatCidr(other) === formatCidr(cidr));
  for (const cidr of found) {
    const isLinkLocal = cidr.address.length === 16 && cidr.address[0] === 0xfe;
    if (!isIn(wanted, cidr) && !isLinkLocal) deleteAddressIfPresent(ns, device, cidr);
  }
  for (const cidr of wanted.filter((each) => !isIn(found, each))) {
    const [outcome] = ns.route.attempt(
      newAddress(device, cidr, cidr.address.length === 16 ? 2 : 0),
    );
    if (outcome?.error && !isRefusal(outcome.error, EEXIST)) throw outcome.error;
  }
}
