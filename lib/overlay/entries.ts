/**
 * The entries that lead to other hosts: for each a route to its subnets by the device, a neighbour
 * for the gateway that the route names, and a forwarding entry that says which host has that MAC.
 *
 *   10.244.2.0/24 via 10.244.2.0 dev weft.1 onlink      route
 *   10.244.2.0    lladdr 02:ab:...  permanent           neighbour
 *   02:ab:...     dst 192.0.2.2     permanent           forwarding entry
 *
 * Reconciling reads what is there, compares, and sends the difference: first what is missing, which
 * takes the place of what it is to replace, then the end of what is left over. So packets always
 * find the old way or the new one. A packet needs nothing else.
 * Thousands of hosts have tens of thousands of entries, so what is compared are short texts.
 */

import type { Reader } from "../bytes/codec.ts";
import { pack, unpack } from "../bytes/packed.ts";
import { EEXIST, ENOENT, ESRCH } from "../host/errno.ts";
import { equalAddresses, family, formatAddress, type IpAddress } from "../ip/address.ts";
import { type Cidr, containsAddress, firstAddress, formatCidr, hostCidr } from "../ip/cidr.ts";
import { formatMac } from "../ip/mac.ts";
import { deleteAddressIfPresent, listAddresses } from "../net/address.ts";
import type { LinkRef } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { AF_INET, AF_INET6, newAddress } from "../netlink/address.ts";
import type { Decoder } from "../netlink/connection.ts";
import { isRefusal } from "../netlink/error.ts";
import { AF_BRIDGE } from "../netlink/link.ts";
import { type Request, say } from "../netlink/message.ts";
import * as neighbour from "../netlink/neighbour.ts";
import {
  delRoute,
  listRoutesOf,
  type NewRoute,
  newRoute,
  type RouteFilter,
  RTPROT_BOOT,
  routeMessage,
} from "../netlink/route.ts";
import type { Peer, PeerList } from "./peers.ts";

/** The device, the link that direct routes go by, and where they are to lead. */
export interface Overlay {
  readonly device: LinkRef;
  readonly uplink: LinkRef;
  /** What the device is there for: direct routes to anywhere else are another's. */
  readonly networks: readonly Cidr[];
  readonly peers: PeerList;
}

/** Routes that are ours say so: the number is free in linux/rtnetlink.h and rt_protos. */
export const RTPROT_WEFT = 87;

/** Matches routes of any maker when one is deleted. */
const RTPROT_UNSPEC = 0;

/** How many requests one datagram holds. */
const BATCH = 128;

interface RouteEntry {
  readonly kind: "route";
  readonly destination: Cidr;
  readonly gateway: IpAddress;
  /** By the uplink rather than the device. */
  readonly isDirect: boolean;
}

interface PairEntry extends neighbour.Pair {
  readonly kind: "neighbour" | "forwarding";
}

/** What leads to a peer. */
type Entry = RouteEntry | PairEntry;

/** An entry as a short text; two that are the same have the same. */
type Key = string;

const KINDS = ["route", "neighbour", "forwarding"] as const;
const MAC_SIZE = 6;

function keyOf(entry: Entry): Key {
  const kind = KINDS.indexOf(entry.kind);
  if (entry.kind !== "route") return pack([kind]) + pack(entry.mac) + pack(entry.address);
  const { isDirect, destination, gateway } = entry;
  const { address, prefixLength } = destination;
  return pack([kind, +isDirect, address.length, prefixLength]) + pack(address) + pack(gateway);
}

function entryOf(key: Key): Entry {
  const bytes = unpack(key);
  const [number = 0, isDirect, length = 0, prefixLength = 0] = bytes;
  const kind = KINDS[number] ?? "route";
  if (kind !== "route") {
    return { kind, mac: bytes.slice(1, 1 + MAC_SIZE), address: bytes.slice(1 + MAC_SIZE) };
  }
  const destination = { address: bytes.slice(4, 4 + length), prefixLength };
  return { kind, isDirect: isDirect === 1, destination, gateway: bytes.slice(4 + length) };
}

/** Told each change in words; nothing is put into words if nobody listens. */
export type Tell = ((what: string) => void) | undefined;

/** Sends what is missing and takes away what is too much. */
export function reconcile(ns: Netns, overlay: Overlay, tell?: Tell): void {
  const found = foundEntries(ns, overlay);
  if (found.length === 0) {
    setAll(ns, overlay, tell);
    return;
  }
  const { missing, stale } = compare(overlay.peers, found);
  const remove = (key: Key) => removal(overlay, entryOf(key));
  const set = (key: Key) => setting(overlay, entryOf(key));
  const isFine = (error: unknown) => isRefusal(error, ENOENT, ESRCH);
  const replaced = new Set<string>();
  for (const key of missing.keys()) replaced.add(placeOf(key));
  const left = stale.filter((key) => !replaced.has(placeOf(key)));
  eachBatch([...missing.keys()], (keys) => send(ns, keys.map(set), { tell }));
  eachBatch(left, (keys) => send(ns, keys.map(remove), { isFine, tell }));
}

/** What of an entry the kernel has once: a new one takes the place of the one that is there. */
function placeOf(key: Key): string {
  const [kind = 0, , length = 0] = unpack(key.slice(0, 3));
  const name = KINDS[kind] ?? "route";
  if (name === "route") return pack([kind]) + key.slice(2, 4 + length);
  const macEnd = 1 + MAC_SIZE;
  return pack([kind]) + (name === "neighbour" ? key.slice(macEnd) : key.slice(1, macEnd));
}

/** With nothing to compare with, thousands of entries take half the time. */
function setAll(ns: Netns, overlay: Overlay, tell: Tell): void {
  let requests: Request[] = [];
  overlay.peers.forEach((peer) => {
    for (const entry of entriesOf(peer)) requests.push(setting(overlay, entry));
    if (requests.length < BATCH) return;
    send(ns, requests, { tell });
    requests = [];
  });
  if (requests.length > 0) send(ns, requests, { tell });
}

/** What differs from what is wanted, each with the host it concerns. */
export function findOverlayFaults(ns: Netns, overlay: Overlay): readonly string[] {
  const { missing, stale } = compare(overlay.peers, foundEntries(ns, overlay));
  const nameOf = (peer: number) => formatAddress(overlay.peers.get(peer).publicIP);
  return [
    ...Array.from(missing, ([key, peer]) => `peer ${nameOf(peer)}: there is no ${inWords(key)}`),
    ...stale.map((key) => `no peer has ${inWords(key)}`),
  ];
}

interface Difference {
  /** With the number of the peer. */
  readonly missing: ReadonlyMap<Key, number>;
  readonly stale: readonly Key[];
}

function compare(peers: PeerList, found: readonly Key[]): Difference {
  const missing = wantedEntries(peers);
  const stale = found.filter((key) => !missing.delete(key));
  return { missing, stale };
}

function inWords(key: Key): string {
  const entry = entryOf(key);
  if (entry.kind === "route") {
    return `route ${formatCidr(entry.destination)} via ${formatAddress(entry.gateway)}`;
  }
  const [address, mac] = [formatAddress(entry.address), formatMac(entry.mac)];
  return entry.kind === "neighbour"
    ? `neighbour ${address} ${mac}`
    : `forwarding entry ${mac} ${address}`;
}

/** Requests are made batch by batch: they take a hundred times the memory of what they are of. */
function eachBatch(keys: readonly Key[], each: (keys: readonly Key[]) => void): void {
  for (let at = 0; at < keys.length; at += BATCH) each(keys.slice(at, at + BATCH));
}

interface Sending {
  readonly isFine?: (error: unknown) => boolean;
  readonly tell: Tell;
}

function send(ns: Netns, requests: readonly Request[], { isFine, tell }: Sending): void {
  for (const { error } of ns.route.attempt(...requests)) {
    if (error && !isFine?.(error)) throw error;
  }
  if (tell) for (const { what } of requests) tell(say(what));
}

function setting({ device, uplink }: Overlay, entry: Entry): Request {
  if (entry.kind === "route") {
    return newRoute(entry.isDirect ? uplink : device, routeOf(entry), "replace");
  }
  if (entry.kind === "neighbour") return neighbour.setNeighbour(device, entry);
  return neighbour.setForwarding(device, entry);
}

/** A route by the device goes whoever made it; one by the uplink only if we did. */
function removal({ device, uplink }: Overlay, entry: Entry): Request {
  if (entry.kind === "route") {
    if (entry.isDirect) return delRoute(uplink, routeOf(entry));
    return delRoute(device, { ...routeOf(entry), protocol: RTPROT_UNSPEC });
  }
  if (entry.kind === "neighbour") return neighbour.delNeighbour(device, entry);
  return neighbour.delForwarding(device, entry);
}

function routeOf({ destination, gateway, isDirect }: RouteEntry): NewRoute {
  return { destination, gateway, isOnLink: !isDirect, protocol: RTPROT_WEFT };
}

/** Every entry that should be there, with the number of its peer. */
function wantedEntries(peers: PeerList): Map<Key, number> {
  const wanted = new Map<Key, number>();
  peers.forEach((peer, number) => {
    for (const entry of entriesOf(peer)) wanted.set(keyOf(entry), number);
  });
  return wanted;
}

/** In the order in which a packet can do without those that are not set yet: the route is last. */
function entriesOf({ subnets, publicIP, mac, isDirect }: Peer): readonly Entry[] {
  const isUnwrapped = ({ address }: Cidr) => isDirect && address.length === publicIP.length;
  const routes = subnets.map((destination): Entry => {
    const isRouted = isUnwrapped(destination);
    const gateway = isRouted ? publicIP : firstAddress(destination);
    return { kind: "route", destination, gateway, isDirect: isRouted };
  });
  const wrapped = subnets.filter((subnet) => !isUnwrapped(subnet));
  if (wrapped.length === 0) return routes;
  const neighbours = wrapped.map(
    (subnet): Entry => ({ kind: "neighbour", address: firstAddress(subnet), mac }),
  );
  return [{ kind: "forwarding", address: publicIP, mac }, ...neighbours, ...routes];
}

function foundEntries(ns: Netns, overlay: Overlay): readonly Key[] {
  const found = [AF_INET, AF_INET6].flatMap((family) => routeKeys(ns, overlay, family));
  for (const family of [AF_INET, AF_INET6, AF_BRIDGE]) {
    found.push(...pairKeys(ns, overlay.device, family));
  }
  return found;
}

interface Reading<T> {
  readonly codec: Decoder<T>;
  /** Undefined for what is none of ours. */
  readonly entryIn: (message: T) => Entry | undefined;
}

/** Each message becomes a key as it is read: a whole dump of them would take a lot of memory. */
function dumpKeys<T>(ns: Netns, request: Request, { codec, entryIn }: Reading<T>): Key[] {
  const read = (input: Reader): Key => {
    const entry = entryIn(codec.read(input));
    return entry ? keyOf(entry) : "";
  };
  return ns.route.dump(request, { read }).filter((key) => key !== "");
}

/**
 * Those by the device that are ours, or as flannel makes them, and those by the uplink that are
 * ours and lead to where this device is there for.
 */
function routeKeys(ns: Netns, overlay: Overlay, family: number): Key[] {
  const { device, uplink, networks } = overlay;
  const isWithin = (address: IpAddress) => networks.some((each) => containsAddress(each, address));
  const keys = (filter: RouteFilter, isDirect: boolean) =>
    dumpKeys(ns, listRoutesOf(family, filter), {
      codec: routeMessage,
      entryIn({ header, attributes: { destination: address, gateway, outputInterface } }) {
        if (outputInterface !== filter.outputInterface || !address || !gateway) return undefined;
        const destination = { address, prefixLength: header.destinationLength };
        const isMarked = header.protocol === RTPROT_WEFT;
        const isFlannels = header.protocol === RTPROT_BOOT && equalAddresses(address, gateway);
        const isOurs = isDirect ? isMarked && isWithin(address) : isMarked || isFlannels;
        if (!isOurs) return undefined;
        return { kind: "route", destination, gateway, isDirect };
      },
    });
  return [
    ...keys({ outputInterface: device.index }, false),
    ...keys({ outputInterface: uplink.index, protocol: RTPROT_WEFT }, true),
  ];
}

/** Permanent ones only: the kernel adds others of its own, for multicast. */
function pairKeys(ns: Netns, device: LinkRef, family: number): Key[] {
  const kind = family === AF_BRIDGE ? "forwarding" : "neighbour";
  return dumpKeys(ns, neighbour.listNeighbours(device, family), {
    codec: neighbour.neighbourMessage,
    entryIn({ header, attributes: { destination: address, mac } }) {
      const isOwn = header.index === device.index && header.family === family;
      const isPermanent = (header.state & neighbour.NUD_PERMANENT) !== 0;
      return isOwn && isPermanent && address && mac ? { kind, address, mac } : undefined;
    },
  });
}

/** The device has the first address of each of this host's subnets, and no other. */
export function ensureVtepAddresses(
  ns: Netns,
  device: LinkRef,
  { subnets, tell }: { readonly subnets: readonly Cidr[]; readonly tell?: Tell },
): void {
  const wanted = subnets.map((subnet) => hostCidr(firstAddress(subnet)));
  const found = listAddresses(ns, device).map(({ cidr }) => cidr);
  const isIn = (list: readonly Cidr[], cidr: Cidr) =>
    list.some((other) => formatCidr(other) === formatCidr(cidr));
  for (const cidr of wanted.filter((each) => !isIn(found, each))) {
    const [outcome] = ns.route.attempt(
      newAddress(device, cidr, family(cidr.address) === 6 ? 2 : 0),
    );
    if (outcome?.error && !isRefusal(outcome.error, EEXIST)) throw outcome.error;
    tell?.(`add address ${formatCidr(cidr)} to "${device.name}"`);
  }
  for (const cidr of found) {
    const isLinkLocal = family(cidr.address) === 6 && cidr.address[0] === 0xfe;
    if (isIn(wanted, cidr) || isLinkLocal) continue;
    deleteAddressIfPresent(ns, device, cidr);
    tell?.(`delete address ${formatCidr(cidr)} of "${device.name}"`);
  }
}
