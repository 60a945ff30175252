/** Netlink messages: the header every family shares. Layout from linux/netlink.h. */

import * as codec from "codec";
import { type Layout, refusal, type Span } from "../bytes/layout.ts";
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
  readonly codec: Layout<never, unknown>;
  readonly value: unknown;
  /**
   * Error numbers that mean it is done already, or any if it only makes things better; a
   * transaction, which they undo, has none.
   */
  readonly tolerates?: readonly number[] | "any";
  /** What is thrown for a refusal, where the kernel's own error says too little. */
  readonly explain?: (refusal: NetlinkError) => Error;
}

/** Parameters of `request`: the body is a value and its layout. */
export interface RequestSpec<T> {
  readonly what: Words;
  readonly type: number;
  readonly flags?: number;
  readonly codec: Layout<T, unknown>;
  readonly value: NoInfer<T>;
}

/** A request whose body is a value of a layout. */
export function request<T>(spec: RequestSpec<T>): Request {
  const { what, type, flags = 0, codec, value } = spec;
  return { what, type, flags, codec, value };
}

/** Several requests as one datagram; only one of them asks for an acknowledgement. */
export function encodeRequests(
  requests: readonly Request[],
  firstSequence: number,
  acknowledged = requests.length - 1,
): Uint8Array {
  try {
    return codec.requests(requests, firstSequence, acknowledged);
  } catch (cause) {
    throw refusal(cause);
  }
}

/** One received message; `body` is what follows the header. */
export interface Received {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Whose socket it answers, or whose request an event is of; 0 is the kernel's own. */
  readonly port: number;
  readonly body: Span;
}

/** Six numbers tell of each message (native/codec.d.ts). */
const HEAD = 6;

function headsIn(datagram: Uint8Array, size: number): readonly number[] {
  try {
    return codec.heads(datagram, size);
  } catch (cause) {
    throw refusal(cause);
  }
}

/**
 * Splits a datagram, or its first `size` bytes, into its messages; throws CodecError on lengths
 * that do not fit.
 */
export function splitMessages(datagram: Uint8Array, size = datagram.length): Received[] {
  const heads = headsIn(datagram, size);
  const messages: Received[] = [];
  for (let i = 0; i < heads.length; i += HEAD) {
    messages.push({
      type: heads[i] as number,
      flags: heads[i + 1] as number,
      sequence: heads[i + 2] as number,
      port: heads[i + 3] as number,
      body: { bytes: datagram, at: heads[i + 4] as number, end: heads[i + 5] as number },
    });
  }
  return messages;
}
