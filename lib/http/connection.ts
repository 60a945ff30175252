/** One connection to a server: one request after the other, each with its answer. */

import type { Failure } from "../host/failure.ts";
import type { OpenStream, Stream, StreamTarget } from "../host/stream.ts";
import { AnswerReader } from "./answer-reader.ts";
import { type Fault, stateOf } from "./failure.ts";
import type { Head } from "./head.ts";

/** A request that is under way. */
export interface Exchange {
  readonly bytes: Uint8Array;
  readonly onHead: (head: Head) => void;
  readonly onBody: (bytes: Uint8Array) => void;
  readonly onDone: () => void;
  /** It has failed; `isUnheard` if the server may have closed before it saw the request. */
  readonly onFault: (fault: Fault, isUnheard: boolean) => void;
}

/** A connection, which opens at once. */
export class Connection {
  readonly #stream: Stream;
  readonly #onIdle: (connection: Connection) => void;
  readonly #onOver: (connection: Connection) => void;
  #isOpen = false;
  #isOver = false;
  /** Why it is over before anything was asked. */
  #cause: Failure | undefined;
  #exchange: Exchange | undefined;
  #reader: AnswerReader | undefined;
  #isKept = false;
  /** Answers that have been read, and whether something of the present one has come. */
  #answers = 0;
  #isAnswering = false;

  constructor(open: OpenStream, target: StreamTarget, events: Pool) {
    this.#onIdle = events.onIdle;
    this.#onOver = events.onOver;
    this.#stream = open(target, {
      onOpen: () => this.#opened(),
      onData: (bytes) => this.#read(bytes),
      onEnd: (cause) => this.#ended(cause),
    });
    if (this.#isOver) this.#stream.close();
  }

  /** Sends a request; only while no other is under way. */
  start(exchange: Exchange): void {
    this.#exchange = exchange;
    this.#isAnswering = false;
    this.#reader = new AnswerReader({
      onHead: (head) => this.#heard(head),
      onBody: (bytes) => this.#exchange?.onBody(bytes),
      onDone: () => this.#done(),
    });
    if (this.#isOver) this.#ended(this.#cause);
    else if (this.#isOpen) this.#stream.send(exchange.bytes);
  }

  /** Ends it at once; nothing is told any more. */
  close(): void {
    this.#exchange = undefined;
    this.#reader = undefined;
    this.#finish();
  }

  #opened(): void {
    this.#isOpen = true;
    if (this.#exchange) this.#stream.send(this.#exchange.bytes);
  }

  #read(bytes: Uint8Array): void {
    this.#isAnswering = true;
    const state = this.#reader ? this.#reader.push(bytes) : "nothing was asked";
    if (state === undefined) return;
    if (this.#exchange) this.#fail({ fault: "garbled", state });
    else this.#finish();
  }

  #heard(head: Head): void {
    this.#isKept = head.isKept;
    this.#exchange?.onHead(head);
  }

  #done(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#answers++;
    if (this.#isKept && !this.#isOver) this.#onIdle(this);
    else this.#finish();
    exchange?.onDone();
  }

  #ended(cause: Failure | undefined): void {
    const state = cause ? stateOf(cause) : this.#reader?.finish();
    this.#cause ??= cause;
    if (!this.#exchange) this.#finish();
    else if (state !== undefined) this.#fail({ fault: "away", state, cause });
  }

  #fail(fault: Fault): void {
    const exchange = this.#exchange;
    const isUnheard = this.#answers > 0 && !this.#isAnswering;
    this.close();
    exchange?.onFault(fault, isUnheard);
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream?.close();
    this.#onOver(this);
  }
}

/** Who keeps connections between requests. */
export interface Pool {
  readonly onIdle: (connection: Connection) => void;
  readonly onOver: (connection: Connection) => void;
}
