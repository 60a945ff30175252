/**
 * What the values of options say. They come from whoever answers first: what makes no sense is left
 * out, and `drop` is told why, in words that hold nothing of the server's but numbers.
 */

import { Reader } from "../bytes/codec.ts";
import { read } from "../bytes/layout.ts";
import { u16be, u32be } from "../bytes/scalar.ts";
import { formatAddress, type IpAddress, isGlobalUnicast, isLinkLocal } from "../ip/address.ts";
import { Option, type Options } from "./options.ts";

/** Told what is left out, and why. */
export type Drop = (why: string) => void;

/** A number of 2 or 4 bytes; undefined if there is none, or it has another size. */
export function numberIn(options: Options, code: number, size: 2 | 4): number | undefined {
  const value = options.get(code);
  if (value?.length !== size) return undefined;
  return read(size === 2 ? u16be : u32be, new Reader(value));
}

/** The one address of an option, if it is a host's. */
export function addressIn(options: Options, code: number): IpAddress | undefined {
  const value = options.get(code);
  return value?.length === 4 && isHost(value) ? value : undefined;
}

/** True for the address of one host, on the link or beyond: no group, no loopback, not 0.0.0.0. */
export function isHost(address: IpAddress): boolean {
  return address[0] !== 0 && (isGlobalUnicast(address) || isLinkLocal(address));
}

/** So many addresses, routes or names are heeded. */
export const MOST = 128;

/** The addresses of hosts in an option. */
export function addressesIn(options: Options, code: number, drop: Drop): readonly IpAddress[] {
  const value = options.get(code) ?? new Uint8Array();
  if (value.length % 4 !== 0) drop(`option ${code}: its end is no address`);
  const count = Math.floor(value.length / 4);
  if (count > MOST) drop(`option ${code}: more than ${MOST} addresses`);
  const all = Array.from({ length: Math.min(count, MOST) }, (_, i) =>
    value.slice(4 * i, 4 * i + 4),
  );
  return all.filter((address) => {
    if (!isHost(address)) drop(`option ${code}: ${formatAddress(address)} is no host's address`);
    return isHost(address);
  });
}

/** The length of the prefix that option 1 masks; undefined if there is none, or it has gaps. */
export function prefixLengthIn(options: Options): number | undefined {
  const mask = numberIn(options, Option.subnetMask, 4);
  if (mask === undefined || mask === 0) return undefined;
  const hosts = 2 ** 32 - mask;
  const isPowerOfTwo = (hosts & (hosts - 1)) === 0;
  return isPowerOfTwo ? Math.clz32(hosts - 1) : undefined;
}

/** IPv4 over Ethernet: every host takes so much (RFC 791), and no frame holds more. */
const LEAST_MTU = 576;

/** The MTU of the server's link. */
export function mtuIn(options: Options, drop: Drop): number | undefined {
  if (!options.has(Option.mtu)) return undefined;
  const mtu = numberIn(options, Option.mtu, 2);
  if (mtu !== undefined && mtu >= LEAST_MTU) return mtu;
  drop(`option ${Option.mtu}: ${mtu ?? "no number"}, an MTU is ${LEAST_MTU} at least`);
  return undefined;
}
