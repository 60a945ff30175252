/**
 * What is around a message on a packet socket: Ethernet, IPv4 (RFC 791), UDP (RFC 768).
 *
 *   to from 0800 | 45 … checksum source target | 68 67 length checksum | message
 */

import { Reader } from "../bytes/codec.ts";
import { read, write } from "../bytes/layout.ts";
import { block, u8, u16be } from "../bytes/scalar.ts";
import { struct } from "../bytes/struct.ts";
import type { IpAddress } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";

/** From where to where a frame goes. */
export interface Addressing {
  readonly sourceMac: Mac;
  readonly targetMac: Mac;
  readonly source: IpAddress;
  readonly target: IpAddress;
}

/** What a server or relay sent to a client's port. */
export interface Datagram {
  readonly sourceMac: Mac;
  readonly source: IpAddress;
  /** A view of the frame. */
  readonly payload: Uint8Array;
}

export const BROADCAST_MAC: Mac = Uint8Array.of(255, 255, 255, 255, 255, 255);
export const BROADCAST: IpAddress = Uint8Array.of(255, 255, 255, 255);
export const UNSPECIFIED: IpAddress = Uint8Array.of(0, 0, 0, 0);

export const SERVER_PORT = 67;
export const CLIENT_PORT = 68;
export const ETH_P_IP = 0x0800;

const PROTOCOL_UDP = 17;
const TTL = 64;
/** Version 4, and a header of five words. */
const VERSION_AND_LENGTH = 0x45;
/** "More fragments", and where in the whole a fragment lies. */
const FRAGMENT = 0x3fff;

/** The Ethernet header. */
export const ethernet = struct("ethernet", {
  target: block(6),
  source: block(6),
  type: u16be,
});

const ipv4 = struct("ipv4", {
  versionAndLength: u8,
  tos: u8,
  length: u16be,
  id: u16be,
  fragment: u16be,
  ttl: u8,
  protocol: u8,
  checksum: u16be,
  source: block(4),
  target: block(4),
});

const udp = struct("udp", { source: u16be, target: u16be, length: u16be, checksum: u16be });

/** What UDP's checksum covers besides the datagram. */
const pseudo = struct("pseudo header", {
  source: block(4),
  target: block(4),
  zero: u8,
  protocol: u8,
  length: u16be,
});

/** A client's message to a server, or to all of them, as a whole frame. */
export function encodeFrame(payload: Uint8Array, addressing: Addressing): Uint8Array {
  const { sourceMac, targetMac, source, target } = addressing;
  const ipAt = ethernet.size;
  const udpAt = ipAt + ipv4.size;
  const frame = new Uint8Array(udpAt + udp.size + payload.length);
  const length = frame.length - udpAt;
  frame.set(write(ethernet, { target: targetMac, source: sourceMac, type: ETH_P_IP }));
  const header = {
    versionAndLength: VERSION_AND_LENGTH,
    length: ipv4.size + length,
    ttl: TTL,
    protocol: PROTOCOL_UDP,
    source,
    target,
  };
  const ports = { source: CLIENT_PORT, target: SERVER_PORT, length };
  const headerSum = 0xffff - sum(write(ipv4, header), 0);
  frame.set(write(ipv4, { ...header, checksum: headerSum }), ipAt);
  frame.set(write(udp, ports), udpAt);
  frame.set(payload, udpAt + udp.size);
  const checksum = 0xffff - sum(frame.subarray(udpAt), pseudoSum(source, target, length));
  frame.set(write(udp, { ...ports, checksum: checksum || 0xffff }), udpAt);
  return frame;
}

/**
 * What a frame brings for a client's port; undefined if it is something else, a fragment, shorter
 * than it says, or damaged.
 */
export function decodeFrame(frame: Uint8Array): Datagram | undefined {
  if (frame.length < ethernet.size + ipv4.size + udp.size) return undefined;
  const link = read(ethernet, new Reader(frame));
  const header = read(ipv4, new Reader(frame, ethernet.size));
  const headerSize = (header.versionAndLength & 15) * 4;
  const udpAt = ethernet.size + headerSize;
  const end = ethernet.size + header.length;
  const isUsable =
    link.type === ETH_P_IP &&
    header.versionAndLength >> 4 === 4 &&
    headerSize >= ipv4.size &&
    header.protocol === PROTOCOL_UDP &&
    (header.fragment & FRAGMENT) === 0 &&
    end <= frame.length &&
    udpAt + udp.size <= end &&
    sum(frame.subarray(ethernet.size, udpAt), 0) === 0xffff;
  if (!isUsable) return undefined;
  const payload = payloadOf(frame.subarray(udpAt, end), header);
  return payload && { sourceMac: link.source, source: header.source, payload };
}

interface Ends {
  readonly source: IpAddress;
  readonly target: IpAddress;
}

function payloadOf(datagram: Uint8Array, ends: Ends): Uint8Array | undefined {
  const { target, length } = read(udp, new Reader(datagram));
  if (target !== CLIENT_PORT || length < udp.size || length > datagram.length) return undefined;
  const whole = datagram.subarray(0, length);
  return isIntact(whole, ends) ? whole.subarray(udp.size) : undefined;
}

/**
 * Whether UDP's checksum is right, not given, or not made yet: a server on the same machine leaves
 * it to its link (CHECKSUM_PARTIAL), and a veth pair has no wire to make it for. Then it is the sum
 * of the pseudo header alone.
 */
function isIntact(datagram: Uint8Array, { source, target }: Ends): boolean {
  const { checksum } = read(udp, new Reader(datagram));
  const start = pseudoSum(source, target, datagram.length);
  return checksum === 0 || checksum === start || sum(datagram, start) === 0xffff;
}

function pseudoSum(source: IpAddress, target: IpAddress, length: number): number {
  return sum(write(pseudo, { source, target, protocol: PROTOCOL_UDP, length }), 0);
}

/** The ones' complement sum of 16-bit words (RFC 1071), an odd byte being a word's first. */
function sum(bytes: Uint8Array, start: number): number {
  let total = start;
  for (let i = 0; i < bytes.length; i += 2) {
    total += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  }
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}
