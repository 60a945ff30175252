/** What a server's answer says, if it is one to this client. */

import { formatAddress, type IpAddress } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import { DhcpError } from "./error.ts";
import { decodeFrame } from "./frame.ts";
import { Option, type Options } from "./options.ts";
import { BOOTREPLY, decodeMessage, type Message, MessageType } from "./packet.ts";
import { addressIn, isHost } from "./values.ts";

/** An answer; an offer or an ACK has an address that a host can have. */
export interface Reply {
  readonly type: "offer" | "ack" | "nak";
  readonly address: IpAddress;
  readonly server: IpAddress;
  readonly serverMac: Mac;
  readonly options: Options;
  /** Option 56 of a NAK, as far as it can be printed. */
  readonly text: string;
}

/** To whom, and to which question. */
export interface Expected {
  readonly mac: Mac;
  readonly xid: number;
  readonly provide: Options;
}

const types: { readonly [type: number]: Reply["type"] } = {
  [MessageType.offer]: "offer",
  [MessageType.ack]: "ack",
  [MessageType.nak]: "nak",
};

/**
 * The answer in a frame; undefined if it is something else, or for somebody else. DhcpError, and
 * nothing else, if it is for this client and cannot be used.
 */
export function readReply(frame: Uint8Array, expected: Expected): Reply | undefined {
  const datagram = decodeFrame(frame);
  const message = datagram && decodeMessage(datagram.payload);
  if (!datagram || !message || !isFor(message, expected)) return undefined;
  const { options, yiaddr: address } = message;
  const type = types[options.get(Option.messageType)?.[0] ?? 0];
  if (!type) throw unusable(message, "it is no offer, ACK or NAK");
  const server = addressIn(options, Option.server);
  if (!server) throw unusable(message, "it does not say which server it is from");
  if (type !== "nak" && !isHost(address)) throw unusable(message, "it gives no host's address");
  const { sourceMac: serverMac } = datagram;
  const text = printable(options.get(Option.message));
  return { type, address, server, serverMac, options, text };
}

/** A server that repeats the client's identifier must repeat the right one (RFC 6842). */
function isFor({ op, xid, chaddr, options }: Message, expected: Expected): boolean {
  const identifier = options.get(Option.clientIdentifier);
  const own = expected.provide.get(Option.clientIdentifier);
  return (
    op === BOOTREPLY &&
    xid === expected.xid &&
    isSame(chaddr, expected.mac) &&
    (!identifier || !own || isSame(identifier, own))
  );
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function unusable({ yiaddr }: Message, state: string): DhcpError {
  return new DhcpError(`Cannot use an answer about ${formatAddress(yiaddr)}: ${state}`);
}

const LONGEST_TEXT = 100;

function printable(bytes: Uint8Array = new Uint8Array()): string {
  const text = String.fromCharCode(...bytes.subarray(0, LONGEST_TEXT));
  return text.replace(/[^ -~]/g, "");
}
