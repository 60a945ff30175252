/** A clock and a network of unit tests: time passes when the test says so, and nothing is on a wire. */
import type { Clock } from "../lib/host/clock.ts";
import type { Failure } from "../lib/host/failure.ts";
import type { OpenStream, Stream, StreamEvents, StreamTarget } from "../lib/host/stream.ts";
import { Timers } from "../lib/host/timers.ts";

/** A clock that stands still but for `pass`. */
export class FakeClock implements Clock {
  #now = 1_000_000;
  #wall = 1_700_000_000_000;
  readonly #timers = new Timers();

  now = () => this.#now;
  wall = () => this.#wall;
  after = (milliseconds: number, act: () => void) =>
    this.#timers.add(this.#now + Math.max(0, milliseconds), act);

  /** Lets time pass, and calls what is due at its time. */
  pass(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (let turns = 0; ; turns++) {
      if (turns > 1e6) throw new Error("what is due at once does not end");
      const { next } = this.#timers;
      if (next === undefined || next > end) break;
      this.#move(Math.max(next, this.#now));
      this.#timers.run(this.#now, (act) => act());
    }
    this.#move(end);
  }

  #move(to: number): void {
    this.#wall += to - this.#now;
    this.#now = to;
  }

  /** Somebody sets the clock on the wall. */
  setWall(milliseconds: number): void {
    this.#wall = milliseconds;
  }
}

/** One connection, seen from the server's side. */
export class FakeConnection implements Stream {
  readonly target: StreamTarget;
  /** What has been sent and not been taken. */
  sent: Uint8Array = new Uint8Array(0);
  isClosed = false;
  onSent: (connection: FakeConnection) => void = () => {};
  readonly #events: StreamEvents;

  constructor(target: StreamTarget, events: StreamEvents) {
    this.target = target;
    this.#events = events;
  }

  get text(): string {
    return new TextDecoder().decode(this.sent);
  }

  /** What has been sent, once. */
  take(): string {
    const { text } = this;
    this.sent = new Uint8Array(0);
    return text;
  }

  send(bytes: Uint8Array): void {
    if (this.isClosed) throw new Error("sent on a closed stream");
    this.sent = Buffer.concat([this.sent, bytes]);
    this.onSent(this);
  }

  close(): void {
    this.isClosed = true;
  }

  open(): this {
    if (!this.isClosed) this.#events.onOpen();
    return this;
  }

  /** Bytes, or text, from the server. */
  give(what: string | Uint8Array): this {
    const bytes = typeof what === "string" ? new TextEncoder().encode(what) : what;
    if (!this.isClosed) this.#events.onData(bytes);
    return this;
  }

  /** The server's end, or a failure. */
  end(cause?: Failure): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#events.onEnd(cause);
  }
}

/** A network: each connection goes to `onConnect`, which may open, answer and end it. */
export class FakeNetwork {
  readonly connections: FakeConnection[] = [];
  onConnect: (connection: FakeConnection) => void = () => {};

  readonly open: OpenStream = (target, events) => {
    const connection = new FakeConnection(target, events);
    this.connections.push(connection);
    this.onConnect(connection);
    return connection;
  };

  get last(): FakeConnection {
    const last = this.connections.at(-1);
    if (!last) throw new Error("no connection was made");
    return last;
  }
}

/** An answer of HTTP/1.1 with a length. */
export function answerText(body: string, status = 200, headers = ""): string {
  const { length } = new TextEncoder().encode(body);
  return `HTTP/1.1 ${status} Words\r\nContent-Length: ${length}\r\n${headers}\r\n${body}`;
}
