/**
 * DHCP messages (RFC 2131, 2):
 *
 *   op htype hlen hops | xid | secs flags | ciaddr | yiaddr | siaddr | giaddr
 *   chaddr (16) | sname (64) | file (128) | magic cookie | options …
 */

import { Reader, Writer } from "../bytes/codec.ts";
import { read, write } from "../bytes/layout.ts";
import { block, u8, u16be, u32be } from "../bytes/scalar.ts";
import { struct } from "../bytes/struct.ts";
import type { IpAddress } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import { DhcpError } from "./error.ts";
import { type Options, readOptions, writeOptions } from "./options.ts";

/** A message of a client or to one, on Ethernet. */
export interface Message {
  readonly op: number;
  readonly xid: number;
  /** Seconds since the client began. */
  readonly secs: number;
  readonly flags: number;
  /** The client's address, if it uses it already. */
  readonly ciaddr: IpAddress;
  /** "Your" address: what the server gives. */
  readonly yiaddr: IpAddress;
  readonly chaddr: Mac;
  readonly options: Options;
}

export const BOOTREQUEST = 1;
export const BOOTREPLY = 2;
/** Asks servers and relays to answer by broadcast. */
export const BROADCAST_FLAG = 0x8000;

/** Values of option 53. */
export const MessageType = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
} as const;

const ETHERNET = 1;
const MAGIC = 0x63825363;

/** What comes before the options. */
const head = struct("dhcp", {
  op: u8,
  htype: u8,
  hlen: u8,
  hops: u8,
  xid: u32be,
  secs: u16be,
  flags: u16be,
  ciaddr: block(4),
  yiaddr: block(4),
  siaddr: block(4),
  giaddr: block(4),
  chaddr: block(6),
  chaddrPadding: block(10),
  sname: block(64),
  file: block(128),
  magic: u32be,
});

/** BOOTP relays drop what is shorter (RFC 1542, 2.1). */
const SHORTEST = 300;

/** The bytes of a message. */
export function encodeMessage(message: Message): Uint8Array {
  const { op, xid, secs, flags, ciaddr, yiaddr, chaddr } = message;
  const out = new Writer();
  const fields = { op, htype: ETHERNET, hlen: 6, xid, secs, flags, ciaddr, yiaddr, chaddr };
  out.raw(write(head, { ...fields, magic: MAGIC }));
  writeOptions(out, message.options);
  out.room(Math.max(SHORTEST - out.at, 0));
  return out.bytes().slice();
}

/** The message in some bytes; DhcpError, and nothing else, if there is none. */
export function decodeMessage(bytes: Uint8Array): Message {
  if (bytes.length < head.size) {
    throw unreadable(`it has ${bytes.length} bytes, ${head.size} at least are wanted`);
  }
  const fields = read(head, new Reader(bytes));
  if (fields.magic !== MAGIC) throw unreadable("it has no DHCP options (magic cookie)");
  if (fields.htype !== ETHERNET || fields.hlen !== 6) {
    throw unreadable(`its hardware address is of type ${fields.htype}, ${fields.hlen} bytes`);
  }
  const { op, xid, secs, flags, ciaddr, yiaddr, chaddr, file, sname } = fields;
  const options = readOptions({ options: bytes.subarray(head.size), file, sname });
  return { op, xid, secs, flags, ciaddr, yiaddr, chaddr, options };
}

function unreadable(state: string): DhcpError {
  return new DhcpError(`Cannot read a DHCP message: ${state}`);
}
