/**
 * Entries as short texts. Thousands of hosts have tens of thousands of entries: texts compare, serve
 * as keys, and take a tenth of the memory.
 *
 *   route        0, 1 if it is direct, its subnet (lib/ip/packed.ts), gateway behind its length
 *   neighbour    1, MAC and address, each behind its length
 *   fdb entry    2, MAC and address, each behind its length
 */

import { pack, packCounted } from "../bytes/packed.ts";
import { unpack } from "../host/packed.ts";
import { addressOf } from "../ip/packed.ts";
import type { Entry } from "./entry.ts";
import type { PackedPeer } from "./peers.ts";

/** One byte for each character; two entries that are the same have the same. */
export type Key = string;

const KINDS = ["route", "neighbour", "fdb"] as const;
const [ROUTE, DIRECT_ROUTE, NEIGHBOUR, FDB] = ["\0\0", "\0\x01", "\x01", "\x02"];
const MAC_AT = 1;
const MAC_END = 8;
/** Where the destination of a route is. */
const DESTINATION = 2;

/** The key of an entry. */
export function keyOf(entry: Entry): Key {
  if (entry.kind === "route") {
    const { isDirect, destination, gateway } = entry;
    const { address, prefixLength } = destination;
    return routeKey(isDirect, packCounted(address) + pack([prefixLength]) + packCounted(gateway));
  }
  return pairKey(entry.kind, packCounted(entry.mac) + packCounted(entry.address));
}

/** The key of a route, by its subnet and its gateway, packed. */
export function routeKey(isDirect: boolean, subnetAndGateway: string): Key {
  return (isDirect ? DIRECT_ROUTE : ROUTE) + subnetAndGateway;
}

/** The key of a neighbour or an fdb entry, by its MAC and its address, each behind its length. */
export function pairKey(kind: "neighbour" | "fdb", macAndAddress: string): Key {
  return (kind === "neighbour" ? NEIGHBOUR : FDB) + macAndAddress;
}

/** The keys of all entries that lead to a peer (`entriesOf` in entry.ts), in no order. */
export function keysOf({ isDirect, mac, publicIP, subnets }: PackedPeer): readonly Key[] {
  const keys: Key[] = [];
  let isWrapped = false;
  for (const subnet of subnets) {
    if (isDirect && subnet.charCodeAt(0) === publicIP.charCodeAt(0)) {
      keys.push(DIRECT_ROUTE + subnet + publicIP);
      continue;
    }
    const address = addressOf(subnet);
    keys.push(ROUTE + subnet + address, NEIGHBOUR + mac + address);
    isWrapped = true;
  }
  if (isWrapped) keys.push(FDB + mac + publicIP);
  return keys;
}

/** The entry that has this key. */
export function entryOf(key: Key): Entry {
  const bytes = unpack(key);
  const kind = KINDS[bytes[0] ?? 0] ?? "route";
  if (kind !== "route") {
    const mac = bytes.subarray(MAC_AT + 1, MAC_END);
    return { kind, mac, address: bytes.subarray(MAC_END + 1) };
  }
  const end = destinationEnd(key) - 1;
  const address = bytes.subarray(DESTINATION + 1, end);
  const destination = { address, prefixLength: bytes[end] ?? 0 };
  return { kind, isDirect: bytes[1] === 1, destination, gateway: bytes.subarray(end + 2) };
}

function destinationEnd(key: Key): number {
  return DESTINATION + 2 + key.charCodeAt(DESTINATION);
}

/** What of an entry the kernel has once: a new one takes the place of the one that is there. */
export function placeOf(key: Key): string {
  const kind = key.charAt(0);
  if (kind === NEIGHBOUR) return kind + key.slice(MAC_END);
  if (kind === FDB) return kind + key.slice(MAC_AT, MAC_END);
  return kind + key.slice(DESTINATION, destinationEnd(key));
}
