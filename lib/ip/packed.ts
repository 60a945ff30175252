/** Addresses as packed texts (lib/bytes/packed.ts): of thousands that is much less work. */

import * as codec from "codec";
import type { Cidr } from "./cidr.ts";

/** An address behind its length, as a packed text. */
export type PackedAddress = string;

/** A network: its address behind its length, and its prefix length. */
export type PackedSubnet = string;

/** An address; undefined if the text is none, or IPv4 in IPv6. */
export const packAddress: (text: string) => PackedAddress | undefined = codec.packAddress;

/** A network, as "10.244.2.0/24"; undefined if the text is none, has host bits, or IPv4 in IPv6. */
export const packSubnet: (text: string) => PackedSubnet | undefined = codec.packSubnet;

/** The same of a network that is read already; host bits stay. */
export function packCidr({ address, prefixLength }: Cidr): PackedSubnet {
  return String.fromCharCode(address.length, ...address, prefixLength);
}

/** The prefix length of a network. */
function prefixLengthOf(subnet: PackedSubnet): number {
  return subnet.charCodeAt(subnet.length - 1);
}

/** The address of a network. */
export function addressOf(subnet: PackedSubnet): PackedAddress {
  return subnet.slice(0, -1);
}

/** True if a network or an address lies in a network. */
export function isWithin(network: PackedSubnet, other: PackedSubnet | PackedAddress): boolean {
  const length = prefixLengthOf(network);
  if (other.length === network.length && prefixLengthOf(other) < length) return false;
  return codec.commonBits(network, other) >= LENGTH_BITS + length;
}

/** How many of the bits of an address or network belong to its length. */
const LENGTH_BITS = 8;
