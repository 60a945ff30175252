/** What a DHCP server sends, and what it sees of a client, for unit tests of the client. */
import { BROADCAST, type Datagram, encodeFrame } from "../lib/dhcp/frame.ts";
import { Option } from "../lib/dhcp/options.ts";
import {
  BOOTREPLY,
  decodeMessage,
  encodeMessage,
  type Message,
  MessageType,
} from "../lib/dhcp/packet.ts";
import { formatAddress, type IpAddress, parseAddress } from "../lib/ip/address.ts";
import { formatMac, parseMac } from "../lib/ip/mac.ts";

export const CLIENT_MAC = bytesOf(parseMac("02:00:00:00:00:05"));
export const SERVER_MAC = bytesOf(parseMac("02:00:00:00:00:01"));

/** Ethernet, IPv4 and UDP before a message. */
const AROUND = 42;

/** An IPv4 address from its text. */
export function ip(text: string): IpAddress {
  return bytesOf(parseAddress(text));
}

function bytesOf(value: Uint8Array | undefined): Uint8Array {
  if (!value) throw new Error("no such value");
  return value;
}

/** Bytes from hexadecimal digits; spaces do not matter. */
export function hex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits.replace(/\s/g, ""), "hex"));
}

/** Addresses one after the other, as options have them. */
export function ips(...texts: readonly string[]): Uint8Array {
  return Uint8Array.from(texts.flatMap((text) => [...ip(text)]));
}

export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** An answer of a server; what is left out is what a usual one has. */
export interface Answer {
  readonly type: keyof typeof MessageType;
  readonly xid: number;
  readonly address?: string;
  /** "" for none. */
  readonly server?: string;
  readonly mac?: Uint8Array;
  readonly options?: readonly (readonly [number, Uint8Array])[];
}

/** The frame of an answer. */
export function answerFrame(answer: Answer): Uint8Array {
  const { type, xid, address = "10.1.0.20", server = "10.1.0.1", options = [] } = answer;
  const own: [number, Uint8Array][] = server === "" ? [] : [[Option.server, ip(server)]];
  const message = encodeMessage({
    op: BOOTREPLY,
    xid,
    secs: 0,
    flags: 0,
    ciaddr: ip("0.0.0.0"),
    yiaddr: ip(type === "nak" ? "0.0.0.0" : address),
    chaddr: answer.mac ?? CLIENT_MAC,
    options: new Map([[Option.messageType, Uint8Array.of(MessageType[type])], ...own, ...options]),
  });
  return fromServer(message, server || "10.1.0.1");
}

/** The same sum with both ports the other way round: a client's frame becomes a server's. */
export function fromServer(message: Uint8Array, server: string): Uint8Array {
  const source = ip(server);
  const mac = { sourceMac: SERVER_MAC, targetMac: CLIENT_MAC };
  const frame = encodeFrame(message, { ...mac, source, target: BROADCAST });
  frame.set([0, 67, 0, 68], AROUND - 8);
  return frame;
}

/** What a client sent, in words where there are some. */
export interface Sent {
  readonly to: string;
  readonly source: string;
  readonly target: string;
  readonly type: string | undefined;
  readonly message: Message;
}

/** An ACK that busybox's udhcpd sent, as it was captured: 10.9.0.27 for a minute, by 10.9.0.1. */
export const CAPTURED_ACK = hex(`
  ffffffffffff 52eb170ba198 0800 450001700000000040116f74 0a090001 ffffffff 00430044015cbef0
  020106 00 677c729e 0000 0000 00000000 0a09001b 00000000 00000000 020000000005
  ${"00".repeat(10 + 64 + 128)} 63825363 350105 36040a090001 33040000003c 0104ffffff00
  03040a090001 06080a09000108080808 0f0b6578616d706c652e6f7267 1a020578
  771e 0161076578616d706c65036f726700 0162076578616d706c65036f726700
  790b 080a0a090002 000a090001 ff`);

/** What is in a client's frame. */
export function readSent(frame: Uint8Array): Sent {
  const message = decodeMessage(frame.subarray(AROUND));
  const number = message.options.get(Option.messageType)?.[0];
  return {
    to: formatMac(frame.subarray(0, 6)),
    source: formatAddress(frame.slice(26, 30)),
    target: formatAddress(frame.slice(30, 34)),
    type: Object.entries(MessageType).find(([, value]) => value === number)?.[0],
    message,
  };
}

/** What a datagram brings, as text. */
export function describeDatagram(datagram: Datagram | undefined): string | undefined {
  if (!datagram) return undefined;
  const { sourceMac, source, payload } = datagram;
  return `${payload.length} bytes from ${formatAddress(source)} ${formatMac(sourceMac)}`;
}
