/**
 * Entries as short texts. Thousands of hosts have tens of thousands of entries: texts compare, serve
 * as keys, and take a tenth of the memory.
 *
 *   route        0, 1 if it is direct, length of the address, prefix length, address, gateway
 *   neighbour    1, MAC, address
 *   fdb entry    2, MAC, address
 */

import { pack } from "../bytes/packed.ts";
import { unpack } from "../host/packed.ts";
import type { Entry } from "./entry.ts";
import type { PackedPeer } from "./peers.ts";

/** One byte for each character; two entries that are the same have the same. */
export type Key = string;

const KINDS = ["route", "neighbour", "fdb"] as const;
const [NEIGHBOUR, FDB] = ["\x01", "\x02"];
const MAC_SIZE = 6;
const MAC_END = 1 + MAC_SIZE;
/** Where the destination of a route begins. */
const DESTINATION = 4;

/** The key of an entry. */
export function keyOf(entry: Entry): Key {
  const kind = KINDS.indexOf(entry.kind);
  if (entry.kind !== "route") {
    return String.fromCharCode(kind) + pack(entry.mac) + pack(entry.address);
  }
  const { isDirect, destination, gateway } = entry;
  const { address, prefixLength } = destination;
  const head = String.fromCharCode(kind, +isDirect, address.length, prefixLength);
  return head + pack(address) + pack(gateway);
}

/** The keys of all entries that lead to a peer (`entriesOf` in entry.ts), in no order. */
export function keysOf({ isDirect, mac, publicIP, subnets }: PackedPeer): readonly Key[] {
  const keys: Key[] = [];
  let isWrapped = false;
  for (const { address, prefixLength } of subnets) {
    const isRouted = isDirect && address.length === publicIP.length;
    const head = String.fromCharCode(0, +isRouted, address.length, prefixLength);
    keys.push(head + address + (isRouted ? publicIP : address));
    if (isRouted) continue;
    keys.push(NEIGHBOUR + mac + address);
    isWrapped = true;
  }
  if (isWrapped) keys.push(FDB + mac + publicIP);
  return keys;
}

/** The entry that has this key. */
export function entryOf(key: Key): Entry {
  const bytes = unpack(key);
  const [number = 0, isDirect, length = 0, prefixLength = 0] = bytes;
  const kind = KINDS[number] ?? "route";
  if (kind !== "route") {
    return { kind, mac: bytes.subarray(1, MAC_END), address: bytes.subarray(MAC_END) };
  }
  const end = DESTINATION + length;
  const destination = { address: bytes.subarray(DESTINATION, end), prefixLength };
  return { kind, isDirect: isDirect === 1, destination, gateway: bytes.subarray(end) };
}

/** What of an entry the kernel has once: a new one takes the place of the one that is there. */
export function placeOf(key: Key): string {
  const kind = key.charAt(0);
  const name = KINDS[kind.charCodeAt(0)] ?? "route";
  if (name === "route") return kind + key.slice(2, DESTINATION + key.charCodeAt(2));
  return kind + (name === "neighbour" ? key.slice(MAC_END) : key.slice(1, MAC_END));
}
