/**
 * A client of one HTTP/1.1 server. `ask` is for an answer that is wanted whole, `follow` for one
 * that never ends and comes in lines, `read` for one that is too long to be kept. Nothing here waits: what has happened is told later.
 */

import type { Cancel, Clock } from "../host/clock.ts";
import type { OpenStream, StreamTarget, TlsTarget } from "../host/stream.ts";
import type {
  Answer,
  AskLimits,
  FollowEvents,
  FollowLimits,
  ReadEvents,
  ReadLimits,
} from "./answer.ts";
import { Connection, type Exchange } from "./connection.ts";
import type { Endpoint } from "./endpoint.ts";
import { type Fault, type HttpFailure, httpFailure } from "./failure.ts";
import { Read } from "./read.ts";
import { type Request, requestBytes } from "./request.ts";
import { Ask, Follow, type Running, type Way } from "./running.ts";

/** What a client works with. */
export interface Means {
  readonly open: OpenStream;
  readonly clock: Clock;
  /** For endpoints with https; asked for each connection, as files of it may be replaced. */
  readonly tls?: (() => TlsTarget) | undefined;
  /** How long a connection is kept that has nothing to do, in milliseconds. */
  readonly idle?: number | undefined;
}

/** Requests to one server; connections are kept for the next request, and made as needed. */
export class HttpClient {
  readonly endpoint: Endpoint;
  readonly #means: Means;
  readonly #idle = new Map<Connection, Cancel>();
  readonly #running = new Set<Running>();

  constructor(endpoint: Endpoint, means: Means) {
    this.endpoint = endpoint;
    this.#means = means;
  }

  /** Asks for one answer, and tells it whole, or why there is none; not if it is cancelled. */
  ask(request: Request, limits: AskLimits, done: (what: Answer | HttpFailure) => void): Cancel {
    return new Ask(this.#way(request), limits, done).cancel;
  }

  /** Follows an answer until it ends, or is cancelled. */
  follow(request: Request, limits: FollowLimits, events: FollowEvents): Cancel {
    return new Follow(this.#way(request), limits, events).cancel;
  }

  /** Reads an answer piece by piece, until it ends or is cancelled. */
  read(request: Request, limits: ReadLimits, events: ReadEvents): Cancel {
    return new Read(this.#way(request), limits, events).cancel;
  }

  /** Closes all connections; nothing is told any more. */
  close(): void {
    for (const running of [...this.#running]) running.cancel();
    for (const connection of [...this.#idle.keys()]) connection.close();
  }

  #way(request: Request): Way {
    const { endpoint } = this;
    const { clock } = this.#means;
    const run = (exchange: Exchange) => this.#run(exchange);
    const fail = (fault: Fault) => httpFailure(endpoint, request, fault);
    const bytes = requestBytes(endpoint, request);
    return { clock, run, fail, bytes, running: this.#running };
  }

  /** A kept connection may be closed by the server just now: then the request goes out once more. */
  #run(exchange: Exchange, isFresh = false): Cancel {
    let cancel: Cancel = () => connection.close();
    const retried = (fault: Fault, isUnheard: boolean) => {
      if (isUnheard) cancel = this.#run(exchange, true);
      else exchange.onFault(fault, false);
    };
    const connection = (isFresh ? undefined : this.#takeIdle()) ?? this.#connect();
    connection.start({ ...exchange, onFault: retried });
    return () => cancel();
  }

  #takeIdle(): Connection | undefined {
    const [kept] = this.#idle;
    if (!kept) return undefined;
    const [connection, stopTimer] = kept;
    stopTimer();
    this.#idle.delete(connection);
    return connection;
  }

  #connect(): Connection {
    const { open } = this.#means;
    return new Connection(open, this.#target, {
      onIdle: (connection) => this.#keep(connection),
      onOver: (connection) => this.#forget(connection),
    });
  }

  get #target(): StreamTarget {
    const { host, port, isSecure } = this.endpoint;
    const { tls } = this.#means;
    return { host, port, tls: isSecure ? (tls?.() ?? {}) : undefined };
  }

  #keep(connection: Connection): void {
    const { clock, idle = 5_000 } = this.#means;
    const stopTimer = clock.after(idle, () => connection.close());
    this.#idle.set(connection, stopTimer);
  }

  #forget(connection: Connection): void {
    this.#idle.get(connection)?.();
    this.#idle.delete(connection);
  }
}
