/** A netlink socket: requests go out, answers come back, and nobody above sees a raw message. */

import * as host from "host";
import { attr, attributes } from "../bytes/attributes.ts";
import { CodecError, Reader } from "../bytes/codec.ts";
import { cstring, s32 } from "../bytes/scalar.ts";
import {
  checked,
  EBADMSG,
  EBUSY,
  EFBIG,
  EINTR,
  EINVAL,
  ENOBUFS,
  EPERM,
  ETIMEDOUT,
} from "../host/errno.ts";
import { NetlinkError } from "./error.ts";
import {
  encodeRequests,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  nlmsghdr,
  type Received,
  type Request,
  say,
  splitMessages,
  type Words,
} from "./message.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

/** How often a dump that changed under our eyes is asked for again. */
const DUMP_ATTEMPTS = 8;
/** How long an answer may take after a receive failed, in milliseconds. */
const LOST_AFTER = 1000;

/**
 * Where datagrams are received, by all connections: what is kept of one is copied before the next.
 * The kernel writes dumps of up to 32 KB; most of it is never touched.
 */
const received = new Uint8Array(32768);

/** Makes the socket of a connection: in which namespace is the caller's business. */
export type OpenSocket = (domain: number, type: number, protocol: number) => number;

/** What reads a reply: the reading half of a codec. */
export interface Decoder<T> {
  read(input: Reader): T;
}

/** What came back for one request: the bodies of the messages, or the refusal. */
export interface Outcome {
  /** The request in words. */
  readonly what: Words;
  readonly bodies: Reader[];
  error?: NetlinkError | undefined;
}

/** One netlink socket of one protocol in one namespace, opened on first use. */
export class Connection {
  readonly #openSocket: OpenSocket;
  readonly #protocol: number;
  readonly #longest: number;
  #fd = -1;
  #sequence = 1;

  /** A list of more than `longest` messages is refused: whose namespace it is may make it so. */
  constructor(
    protocol: number,
    openSocket: OpenSocket,
    longest: number = Number.POSITIVE_INFINITY,
  ) {
    this.#protocol = protocol;
    this.#openSocket = openSocket;
    this.#longest = longest;
  }

  /** Sends all requests in one datagram and throws the first refusal not tolerated. */
  perform(...requests: readonly Request[]): Outcome[] {
    return settledWell(requests, this.attempt(...requests));
  }

  /** Sends all requests in one datagram; refusals not tolerated are in the outcomes, one each. */
  attempt(...requests: readonly Request[]): Outcome[] {
    const outcomes = this.#exchange(requests, requests.length - 1);
    outcomes.forEach((outcome, i) => {
      const errno = outcome.error?.errno;
      if (errno && requests[i]?.tolerates?.includes(errno)) outcome.error = undefined;
    });
    return outcomes;
  }

  /**
   * Sends requests that the kernel carries out as a whole or not at all, and throws the first
   * refusal. The first and the last only enclose the others: a refusal of the first is that of
   * all, and since kernels before 6.10 do not acknowledge the last, the one before it is asked to.
   */
  transaction(requests: readonly Request[]): void {
    settledWell(requests, this.#exchange(requests, requests.length - 2));
  }

  #exchange(requests: readonly Request[], acknowledged: number): Outcome[] {
    const first = this.#send(requests, acknowledged);
    const outcomes: Outcome[] = requests.map(({ what }) => ({ what, bodies: [] }));
    const isEnclosed = acknowledged < requests.length - 1;
    let open = true;
    while (open) {
      for (const message of this.#receive(requests)) {
        const index = message.sequence - first;
        const outcome = outcomes[index];
        const request = requests[index];
        if (!outcome || !request) continue;
        if (message.type === NLMSG_ERROR) this.#acknowledge(message, request, outcome);
        else outcome.bodies.push(copyOf(message.body));
        const isLast = index === acknowledged || (isEnclosed && index === 0);
        if (message.type === NLMSG_ERROR && isLast) open = false;
      }
      if (open && this.#areAllRefused(outcomes)) return outcomes.map((each) => refused(each));
    }
    return outcomes;
  }

  /**
   * nfnetlink refuses whoever may not use it with one answer for the whole datagram. All answers
   * to a datagram are there when it has been sent.
   */
  #areAllRefused([first]: readonly Outcome[]): boolean {
    if (this.#protocol !== NETLINK_NETFILTER || first?.error?.errno !== EPERM) return false;
    return host.poll(Int32Array.of(this.#fd), 0) === 0;
  }

  /** Asks for one object and decodes the answer; throws the kernel's refusal. */
  get<T>(request: Request, codec: Decoder<T>): T {
    return decodeReply(this.perform(request)[0], codec);
  }

  /** Asks for all objects; a list that changed meanwhile is asked for again, then refused. */
  dump<T>(request: Request, codec: Decoder<T>): T[] {
    for (let attempt = 1; ; attempt++) {
      const items = this.#dumpOnce({ ...request, flags: request.flags | NLM_F_DUMP }, codec);
      if (items) return items;
      if (attempt === DUMP_ATTEMPTS) throw new NetlinkError(say(request.what), EBUSY);
    }
  }

  #dumpOnce<T>(request: Request, codec: Decoder<T>): T[] | undefined {
    const sequence = this.#send([request]);
    const items: T[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of this.#receive([request])) {
        if (message.sequence !== sequence) continue;
        if (message.flags & NLM_F_DUMP_INTR) interrupted = true;
        if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
          const error = errorIn(message, request);
          if (error) throw error;
          return interrupted ? undefined : items;
        }
        if (items.length === this.#longest) throw this.#tooMany(request);
        items.push(decode(request.what, codec, message.body));
      }
    }
  }

  /** What is still to come goes with the socket. */
  #tooMany({ what }: Request): NetlinkError {
    this.close();
    const text = `there are more than ${this.#longest} messages to read`;
    return new NetlinkError(say(what), EFBIG, { text });
  }

  /** Closes the socket; the next request opens a new one. */
  close(): void {
    if (this.#fd >= 0) host.close(this.#fd);
    this.#fd = -1;
  }

  /** Joins a multicast group, so that `waitForEvent` hears it. */
  subscribe(group: number): void {
    const NETLINK_ADD_MEMBERSHIP = 1;
    const fd = this.#open();
    // The kernel's own events do not reach a socket that has no address yet.
    host.bind(fd, Uint8Array.of(AF_NETLINK, ...new Uint8Array(11)));
    const outcome = host.setOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
    checked(outcome, `subscribe to netlink group ${group}`);
  }

  /** The descriptor to wait on for events. */
  get descriptor(): number {
    return this.#open();
  }

  /**
   * The events that have come, without waiting; undefined if some were lost, because they came
   * faster than they were read.
   */
  pendingEvents(): Received[] | undefined {
    const fd = this.#open();
    const events: Received[] = [];
    for (;;) {
      const n = host.receive(fd, received, MSG_DONTWAIT);
      if (n === -ENOBUFS) return undefined;
      if (n <= 0) return events;
      events.push(...splitMessages(received.slice(0, n)));
    }
  }

  /** The next events, or none once `milliseconds` have passed. */
  waitForEvents(milliseconds: number): Received[] {
    const fd = this.#open();
    if (host.poll(Int32Array.of(fd), Math.max(0, Math.ceil(milliseconds))) <= 0) return [];
    const n = host.receive(fd, received, 0);
    return n > 0 ? splitMessages(received.subarray(0, n)) : [];
  }

  #open(): number {
    if (this.#fd < 0) {
      const fd = this.#openSocket(AF_NETLINK, SOCK_RAW, this.#protocol);
      this.#fd = checked(fd, "open a netlink socket");
      host.setOption(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
      host.setOption(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    }
    return this.#fd;
  }

  #send(requests: readonly Request[], acknowledged = requests.length - 1): number {
    const fd = this.#open();
    const first = this.#sequence;
    this.#sequence += requests.length;
    const outcome = host.send(fd, encoded(requests, first, acknowledged));
    if (outcome < 0) throw new NetlinkError(say(requests[0]?.what ?? "send"), -outcome);
    return first;
  }

  /**
   * The next datagram. After a failed receive the request may or may not have been carried out:
   * the answer is asked for again, and only if none comes is the outcome unknown.
   */
  #receive(requests: readonly Request[]): Received[] {
    let n = host.receive(this.#fd, received, MSG_TRUNC | MSG_DONTWAIT);
    for (let attempt = 0; n < 0 && n !== -ETIMEDOUT && attempt < 3; attempt++) {
      const ready = n === -EINTR || host.poll(Int32Array.of(this.#fd), LOST_AFTER) > 0;
      n = ready ? host.receive(this.#fd, received, MSG_TRUNC | MSG_DONTWAIT) : -ETIMEDOUT;
    }
    if (n <= 0) {
      this.close();
      throw new NetlinkError(allOf(requests), n < 0 ? -n : ENOBUFS, { settled: false });
    }
    try {
      if (n > received.length) throw new CodecError(`message of ${n} bytes is truncated`);
      return splitMessages(received, n);
    } catch (cause) {
      throw misunderstood(allOf(requests), cause);
    }
  }

  #acknowledge(message: Received, request: Request, outcome: Outcome): void {
    const error = errorIn(message, request);
    if (error) outcome.error ??= error;
  }
}

/** The outcomes, if none is a refusal; throws the first one, in the words of its request. */
function settledWell(requests: readonly Request[], outcomes: Outcome[]): Outcome[] {
  outcomes.forEach(({ error }, i) => {
    if (error) throw requests[i]?.explain?.(error) ?? error;
  });
  return outcomes;
}

function refused(outcome: Outcome): Outcome {
  outcome.error ??= new NetlinkError(say(outcome.what), EPERM);
  return outcome;
}

function decode<T>(what: Words, codec: Decoder<T>, input: Reader): T {
  try {
    return codec.read(input);
  } catch (cause) {
    throw misunderstood(what, cause);
  }
}

/** If an answer cannot be read, it is unknown what became of the request. */
function misunderstood(what: Words, cause: unknown): unknown {
  if (!(cause instanceof CodecError)) return cause;
  return new NetlinkError(say(what), EBADMSG, { text: cause.message, settled: false });
}

/** A value that no message can hold is one the kernel would refuse. */
function encoded(requests: readonly Request[], first: number, acknowledged: number): Uint8Array {
  try {
    return encodeRequests(requests, first, acknowledged);
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw new NetlinkError(allOf(requests), EINVAL, { text: cause.message });
  }
}

function allOf(requests: readonly Request[]): string {
  return requests.map(({ what }) => say(what)).join(", ");
}

/** The first message that came back for a request, decoded; throws NetlinkError if there is none. */
export function decodeReply<T>(outcome: Outcome | undefined, codec: Decoder<T>): T {
  const { what = "ask the kernel", bodies = [] } = outcome ?? {};
  if (!bodies[0]) throw misunderstood(what, new CodecError("the kernel sent no reply"));
  return decode(what, codec, bodies[0]);
}

/** All messages that came back for a request, decoded. */
export function decodeReplies<T>(outcome: Outcome | undefined, codec: Decoder<T>): T[] {
  const { what = "", bodies = [] } = outcome ?? {};
  return bodies.map((body) => decode(what, codec, body));
}

function copyOf(body: Reader): Reader {
  return new Reader(body.bytes.slice(body.at, body.end));
}

/** Error number and text of NLMSG_ERROR or NLMSG_DONE; undefined if it says success. */
function errorIn(message: Received, { what }: Request): NetlinkError | undefined {
  const { body } = message;
  const errno = body.left >= s32.size ? -s32.read(body) : 0;
  if (errno === 0) return undefined;
  const hasText = (message.flags & NLM_F_ACK_TLVS) !== 0;
  const reader = { read: () => extendedText(message) };
  const text = hasText ? decode(what, reader, body) : undefined;
  return new NetlinkError(say(what), errno, text === undefined ? {} : { text });
}

const details = /* @__PURE__ */ attributes({ text: attr(1, "NLMSGERR_ATTR_MSG", cstring) });

/** The words of the extended acknowledgement, after the copy of the request. */
function extendedText({ type, flags, body }: Received): string | undefined {
  if (type === NLMSG_ERROR) {
    const { length } = nlmsghdr.read(body);
    const rest = (length - nlmsghdr.size + 3) & ~3;
    if (!(flags & NLM_F_CAPPED)) body.skip(Math.min(rest, body.left));
  }
  return details.read(body).text;
}
