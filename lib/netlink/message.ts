/** Netlink messages: the header every family shares. Layout from linux/netlink.h. */

import { type Codec, CodecError, Reader, Writer } from "../bytes/codec.ts";
import { u16, u32 } from "../bytes/scalar.ts";
import { struct } from "../bytes/struct.ts";
import type { NetlinkError } from "./error.ts";

export const NLM_F_REQUEST = 1;
export const NLM_F_MULTI = 2;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;

export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

/** What every message begins with; `length` counts its own bytes as well. */
export const nlmsghdr = /* @__PURE__ */ struct("nlmsghdr", {
  length: u32,
  type: u16,
  flags: u16,
  sequence: u32,
  port: u32,
});

/** What a request does, in words; a function where they are costly, since few are ever read. */
export type Words = string | (() => string);

/** The words themselves. */
export function say(words: Words): string {
  return typeof words === "string" ? words : words();
}

/** One request: what it does in words (for errors), its type, its flags and its body. */
export interface Request {
  readonly what: Words;
  readonly type: number;
  readonly flags: number;
  readonly codec: Codec<unknown>;
  readonly value: unknown;
  /**
   * Error numbers that mean it is done already, or any if it only makes things better; a
   * transaction, which they undo, has none.
   */
  readonly tolerates?: readonly number[] | "any";
  /** What is thrown for a refusal, where the kernel's own error says too little. */
  readonly explain?: (refusal: NetlinkError) => Error;
}

/** Parameters of `request`: the body is a value and the codec that writes it. */
export interface RequestSpec<T> {
  readonly what: Words;
  readonly type: number;
  readonly flags?: number;
  readonly codec: Codec<T>;
  readonly value: T;
}

/** A request whose body is a value written by a codec. */
export function request<T>(spec: RequestSpec<T>): Request {
  const { what, type, flags = 0, codec, value } = spec;
  return { what, type, flags, codec: codec as Codec<unknown>, value };
}

/** Several requests as one datagram; only one of them asks for an acknowledgement. */
export function encodeRequests(
  requests: readonly Request[],
  firstSequence: number,
  acknowledged = requests.length - 1,
): Uint8Array {
  const out = new Writer();
  requests.forEach((item, i) => {
    const start = out.at;
    out.room(nlmsghdr.size);
    item.codec.write(out, item.value);
    const length = out.at - start;
    const bytes = out.room(-length & 3);
    const wantsAck = i === acknowledged && (item.flags & NLM_F_DUMP) !== NLM_F_DUMP;
    u32.store(bytes, start, length);
    u16.store(bytes, start + 4, item.type);
    u16.store(bytes, start + 6, item.flags | NLM_F_REQUEST | (wantsAck ? NLM_F_ACK : 0));
    u32.store(bytes, start + 8, firstSequence + i);
  });
  return out.bytes();
}

/** One received message; `body` reads what follows the header. */
export interface Received {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Whose socket it answers, or whose request an event is of; 0 is the kernel's own. */
  readonly port: number;
  readonly body: Reader;
}

/**
 * Splits a datagram, or its first `size` bytes, into its messages; throws CodecError on lengths
 * that do not fit.
 */
export function splitMessages(datagram: Uint8Array, size = datagram.length): Received[] {
  const messages: Received[] = [];
  let at = 0;
  // Dumps have thousands, so their heads are read without making objects of them.
  while (size - at >= nlmsghdr.size) {
    const length = u32.load(datagram, at);
    if (length < nlmsghdr.size || at + length > size) {
      throw new CodecError(`message at byte ${at} claims ${length} bytes, ${size - at} remain`);
    }
    messages.push({
      type: u16.load(datagram, at + 4),
      flags: u16.load(datagram, at + 6),
      sequence: u32.load(datagram, at + 8),
      port: u32.load(datagram, at + 12),
      body: new Reader(datagram, at + nlmsghdr.size, at + length),
    });
    at = Math.min(at + ((length + 3) & ~3), size);
  }
  return messages;
}
