/** Requests go out, answers come back, and nobody above sees a raw message. */

import { attr, attributes } from "../bytes/attributes.ts";
import { CodecError } from "../bytes/codec.ts";
import { type Layout, read, type Span } from "../bytes/layout.ts";
import { cstring, s32 } from "../bytes/scalar.ts";
import { EBADMSG, EBUSY, EFBIG, EINVAL, EPERM } from "../host/errno.ts";
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
  type Words,
} from "./message.ts";
import { NetlinkSocket, type OpenSocket } from "./socket.ts";

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

/** How often a dump that changed under our eyes is asked for again. */
const DUMP_ATTEMPTS = 8;

/** What came back for one request: the bodies of the messages, or the refusal. */
export interface Outcome {
  /** The request in words. */
  readonly what: Words;
  readonly bodies: Span[];
  error?: NetlinkError | undefined;
}

/** One netlink socket of one protocol in one namespace: what is asked is answered or refused. */
export class Connection extends NetlinkSocket {
  readonly #longest: number;
  #sequence = 1;
  #port: number | undefined;

  /** A list of more than `longest` messages is refused: whose namespace it is may make it so. */
  constructor(
    protocol: number,
    openSocket: OpenSocket,
    longest: number = Number.POSITIVE_INFINITY,
  ) {
    super(protocol, openSocket);
    this.#longest = longest;
  }

  /** The number that events of what was asked here bear; undefined before the first answer. */
  get port(): number | undefined {
    return this.#port;
  }

  override close(): void {
    super.close();
    this.#port = undefined;
  }

  /** Sends all requests in one datagram and throws the first refusal not tolerated. */
  perform(...requests: readonly Request[]): Outcome[] {
    return succeeded(requests, this.attempt(...requests));
  }

  /** Sends all requests in one datagram; refusals not tolerated are in the outcomes, one each. */
  attempt(...requests: readonly Request[]): Outcome[] {
    const outcomes = this.#exchange(requests, requests.length - 1);
    outcomes.forEach((outcome, i) => {
      if (requests[i]?.tolerates === "any") outcome.error = undefined;
    });
    return outcomes;
  }

  /**
   * Sends requests that the kernel carries out as a whole or not at all, and throws the first
   * refusal. The first and the last only enclose the others: a refusal of the first is that of
   * all, and since kernels before 6.10 do not acknowledge the last, the one before it is asked to.
   */
  transaction(requests: readonly Request[]): void {
    succeeded(requests, this.#exchange(requests, requests.length - 2));
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
        if (message.type !== NLMSG_ERROR) outcome.bodies.push(copyOf(message.body));
        else if (isEnclosed || !isForeseen(message, request))
          outcome.error ??= errorIn(message, request);
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
    if (this.protocol !== NETLINK_NETFILTER || first?.error?.errno !== EPERM) return false;
    return this.isSilent();
  }

  /** Asks for one object and decodes the answer; throws the kernel's refusal. */
  get<T>(request: Request, layout: Layout<never, T>): T {
    return decodeReply(this.perform(request)[0], layout);
  }

  /**
   * Asks for all objects, and keeps of each what `pick` takes; a list that changed meanwhile is asked
   * for again, then refused.
   */
  dump<T, U = T>(
    request: Request,
    layout: Layout<never, T>,
    pick: (value: T) => U = (value) => value as never,
  ): U[] {
    const keep = (body: Span) => pick(decode(request.what, layout, body));
    for (let attempt = 1; ; attempt++) {
      const items = this.#dumpOnce({ ...request, flags: request.flags | NLM_F_DUMP }, keep);
      if (items) return items;
      if (attempt === DUMP_ATTEMPTS) throw new NetlinkError(say(request.what), EBUSY);
    }
  }

  #dumpOnce<U>(request: Request, keep: (body: Span) => U): U[] | undefined {
    const sequence = this.#send([request]);
    const items: U[] = [];
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
        items.push(keep(message.body));
      }
    }
  }

  /** What is still to come goes with the socket. */
  #tooMany({ what }: Request): NetlinkError {
    this.close();
    const text = `there are more than ${this.#longest} messages to read`;
    return new NetlinkError(say(what), EFBIG, { text });
  }

  #send(requests: readonly Request[], acknowledged = requests.length - 1): number {
    const first = this.#sequence;
    this.#sequence += requests.length;
    const outcome = this.send(encoded(requests, first, acknowledged));
    if (outcome < 0) throw new NetlinkError(say(requests[0]?.what ?? "send"), -outcome);
    return first;
  }

  #receive(requests: readonly Request[]): Received[] {
    try {
      const messages = this.receive();
      if (typeof messages === "object") {
        this.#port ??= messages[0]?.port;
        return messages;
      }
      this.close();
      throw new NetlinkError(allOf(requests), messages, { settled: false });
    } catch (cause) {
      throw misunderstood(allOf(requests), cause);
    }
  }
}

/** The outcomes, if none is a refusal; throws the first one, in the words of its request. */
function succeeded(requests: readonly Request[], outcomes: Outcome[]): Outcome[] {
  outcomes.forEach(({ error }, i) => {
    if (error) throw requests[i]?.explain?.(error) ?? error;
  });
  return outcomes;
}

function refused(outcome: Outcome): Outcome {
  outcome.error ??= new NetlinkError(say(outcome.what), EPERM);
  return outcome;
}

function decode<T>(what: Words, layout: Layout<never, T>, body: Span): T {
  try {
    return read(layout, body);
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
export function decodeReply<T>(outcome: Outcome | undefined, layout: Layout<never, T>): T {
  const { what = "ask the kernel", bodies = [] } = outcome ?? {};
  if (!bodies[0]) throw misunderstood(what, new CodecError("the kernel sent no reply"));
  return decode(what, layout, bodies[0]);
}

/** All messages that came back for a request, decoded. */
export function decodeReplies<T>(outcome: Outcome | undefined, layout: Layout<never, T>): T[] {
  const { what = "", bodies = [] } = outcome ?? {};
  return bodies.map((body) => decode(what, layout, body));
}

function copyOf({ bytes, at, end }: Span): Span {
  return { bytes: bytes.slice(at, end), at: 0, end: end - at };
}

/** The error number of NLMSG_ERROR or NLMSG_DONE; 0 if it says success. */
function errnoIn({ body }: Received): number {
  return body.end - body.at >= s32.size ? -read(s32, body) : 0;
}

/** Such a refusal makes no error: a trace of the stack costs more than all else of the answer. */
function isForeseen(message: Received, { tolerates }: Request): boolean {
  return typeof tolerates === "object" && tolerates.includes(errnoIn(message));
}

/** Error number and text of NLMSG_ERROR or NLMSG_DONE; undefined if it says success. */
function errorIn(message: Received, { what }: Request): NetlinkError | undefined {
  const { flags } = message;
  const errno = errnoIn(message);
  if (errno === 0) return undefined;
  const text = flags & NLM_F_ACK_TLVS ? extendedText(what, message) : undefined;
  return new NetlinkError(say(what), errno, text === undefined ? {} : { text });
}

const details = /* @__PURE__ */ attributes({ text: attr(1, "NLMSGERR_ATTR_MSG", cstring) });

/** The words of the extended acknowledgement, after the copy of the request. */
function extendedText(what: Words, { type, flags, body }: Received): string | undefined {
  const start = body.at + s32.size;
  const rest = { ...body, at: start };
  if (type === NLMSG_ERROR) {
    const { length } = decode(what, nlmsghdr, rest);
    const request = flags & NLM_F_CAPPED ? nlmsghdr.size : (length + 3) & ~3;
    rest.at = Math.min(start + Math.max(request, nlmsghdr.size), body.end);
  }
  return decode(what, details, rest).text;
}
