/** ICMP and ICMPv6 echoes as bytes (RFC 792, RFC 4443). */

import type { Family } from "../ip/address.ts";

/** What tells one echo from another. */
export interface EchoName {
  readonly id: number;
  readonly sequence: number;
}

const TYPES = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;

/** Bytes of an IP header without options. */
const IP_HEADER = { 4: 20, 6: 40 } as const;
const ECHO_HEADER = 8;

/** The least that an IP packet with an echo measures. */
export function smallestEcho(of: Family): number {
  return IP_HEADER[of] + ECHO_HEADER;
}

/**
 * What follows the IP header of an echo request whose whole IP packet measures `size` bytes. The
 * checksum of ICMPv6 is 0: the kernel computes it, with the addresses that it chooses.
 */
export function echoRequest(of: Family, { id, sequence }: EchoName, size: number): Uint8Array {
  const packet = new Uint8Array(Math.max(size - IP_HEADER[of], ECHO_HEADER));
  packet[0] = TYPES[of].request;
  const view = new DataView(packet.buffer);
  view.setUint16(4, id);
  view.setUint16(6, sequence);
  for (let i = ECHO_HEADER; i < packet.length; i++) packet[i] = i & 0xff;
  if (of === 4) view.setUint16(2, checksum(packet));
  return packet;
}

/** The echo that is answered; undefined if a packet is no answer. One of IPv4 has its IP header. */
export function echoReply(of: Family, packet: Uint8Array): EchoName | undefined {
  const start = of === 4 ? ((packet[0] ?? 0) & 15) * 4 : 0;
  if (packet.length < start + ECHO_HEADER || packet[start] !== TYPES[of].reply) return undefined;
  const view = new DataView(packet.buffer, packet.byteOffset + start);
  return { id: view.getUint16(4), sequence: view.getUint16(6) };
}

/** The ones' complement of the ones' complement sum of all 16-bit words (RFC 1071). */
function checksum(packet: Uint8Array): number {
  let sum = 0;
  packet.forEach((byte, i) => {
    sum += i % 2 === 0 ? byte << 8 : byte;
  });
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
