/**
 * Raw Ethernet frames: made by hand, sent by a link, and seen by a listener on another link.
 *
 *   const eyes = listen(victim, "eth0");
 *   sendFrames(attacker, "eth0", [ethernet({ to, from, type: IPV4 }, ipv4({ from: …, to: … }, …))]);
 *   eyes.until(marker) // a frame that is allowed and was sent last
 *   eyes.frames        // all that came, as hexadecimal texts
 */

import { backgroundInBed } from "./paths.ts";
import { waitUntil } from "./patience.ts";
import type { View } from "./view.ts";

/** Types of frames, linux/if_ether.h. */
export const IPV4 = 0x0800;
export const ARP = 0x0806;
export const VLAN = 0x8100;
export const IPV6 = 0x86dd;

/** Protocols of packets, linux/in.h and linux/in6.h. */
export const UDP = 17;
export const ICMPV6 = 58;

/** The bytes of hexadecimal text, whatever stands between the digits: `02:00:00:00:00:01`. */
export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replace(/[^0-9a-f]/gi, ""), "hex"));
}

/** Parts, one behind the other: numbers are bytes, texts are taken as they are. */
export function joined(...parts: readonly (Uint8Array | readonly number[] | string)[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts.map((part) => Buffer.from(part as string))));
}

/** A number as two bytes, as networks have it. */
export function word(value: number): readonly number[] {
  return [(value >> 8) & 255, value & 255];
}

/** An Ethernet frame; addresses as `02:00:00:00:00:01`. */
export function ethernet(
  { to, from, type }: { readonly to: string; readonly from: string; readonly type: number },
  payload: Uint8Array,
): Uint8Array {
  return joined(bytes(to), bytes(from), word(type), payload);
}

/** Puts a VLAN tag before what a frame carries: the payload of a frame of type `VLAN`. */
export function vlanTag(vid: number, type: number, payload: Uint8Array): Uint8Array {
  return joined(word(vid), word(type), payload);
}

/** The ends of a packet, and what it carries. */
export interface Ends {
  readonly from: string;
  readonly to: string;
  readonly protocol: number;
}

/** An IPv4 packet; addresses as `10.1.2.3`. */
export function ipv4({ from, to, protocol }: Ends, payload: Uint8Array): Uint8Array {
  const addresses = joined(numbers(from), numbers(to));
  const header = (sum: readonly number[]) =>
    joined([0x45, 0], word(20 + payload.length), [0, 1, 0, 0, 64, protocol], sum, addresses);
  return joined(header(word(checksum(header([0, 0])))), payload);
}

function numbers(address: string): readonly number[] {
  return address.split(".").map(Number);
}

/** An IPv6 packet; addresses as `fe80::1`. Hop limit 255, as neighbour discovery wants it. */
export function ipv6({ from, to, protocol }: Ends, payload: Uint8Array): Uint8Array {
  const header = [0x60, 0, 0, 0, ...word(payload.length), protocol, 255];
  return joined(header, ipv6Bytes(from), ipv6Bytes(to), payload);
}

/** The 16 bytes of an IPv6 address without an IPv4 part. */
export function ipv6Bytes(address: string): Uint8Array {
  const [head = "", tail] = address.split("::");
  const groups = (text: string) => text.split(":").filter((group) => group !== "");
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  const all = [...before, ...(tail === undefined ? [] : zeros), ...after];
  return Uint8Array.from(all.flatMap((group) => word(Number.parseInt(group, 16))));
}

/** A UDP datagram without a checksum, which IPv4 allows. */
export function udp(fromPort: number, toPort: number, payload: Uint8Array): Uint8Array {
  return joined(word(fromPort), word(toPort), word(8 + payload.length), [0, 0], payload);
}

/** An ICMPv6 message in its packet; the checksum is right. */
export function icmpv6(
  { from, to }: Omit<Ends, "protocol">,
  type: number,
  rest: Uint8Array,
): Uint8Array {
  const message = (sum: readonly number[]) => joined([type, 0], sum, rest);
  const length = 4 + rest.length;
  const pseudo = joined(ipv6Bytes(from), ipv6Bytes(to), [0, 0], word(length), [0, 0, 0, ICMPV6]);
  const sum = word(checksum(joined(pseudo, message([0, 0]))));
  return ipv6({ from, to, protocol: ICMPV6 }, message(sum));
}

/** The checksum of the Internet, RFC 1071. */
function checksum(of: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < of.length; i += 2) sum += ((of[i] ?? 0) << 8) | (of[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Sends frames by a link, in their order. */
export function sendFrames(view: View, link: string, frames: readonly Uint8Array[]): void {
  const texts = frames.map((frame) => Buffer.from(frame).toString("hex"));
  const program = `
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("${link}", 0))
for text in "${texts.join(" ")}".split(): s.send(bytes.fromhex(text))
`;
  view.sh(`python3 -c '${program}'`);
}

/** What comes by a link, or goes, from now on. */
export interface Listener {
  /** All frames until now, as hexadecimal texts. */
  readonly frames: readonly string[];
  /** Waits until a frame with this in it has come. */
  until(part: Uint8Array): void;
  /** True if a frame with this in it has come. */
  hasSeen(part: Uint8Array): boolean;
}

/** Listens on a link until the bed goes; each listener of a view needs a name of its own. */
export function listen(view: View, link: string, name = link): Listener {
  const file = `/tmp/frames-${name}`;
  const program = `
import signal, socket
signal.alarm(3600)
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("${link}", 3))
out = open("${file}", "w", 1)
while True: print(s.recv(65535).hex(), file=out)
`;
  view.sh(`
    rm -f ${file}
    python3 -c '${program}' </dev/null >/dev/null 2>&1 &
    echo $! >>${backgroundInBed}`);
  view.until(`test -e ${file}`);
  const frames = () => view.sh(`cat ${file}`).split("\n").filter(Boolean);
  const hasSeen = (part: Uint8Array) => {
    const text = Buffer.from(part).toString("hex");
    return frames().some((frame) => frame.includes(text));
  };
  return {
    get frames() {
      return frames();
    },
    hasSeen,
    until: (part) => waitUntil(`a frame on "${link}"`, () => hasSeen(part)),
  };
}
