/** One TCP connection on an event loop: what is to be sent, what comes, and its one end. */

import * as host from "host";
import { EPOLLIN, EPOLLOUT, type EventLoop } from "./epoll.ts";
import { EAGAIN, EINPROGRESS, EINTR, ETIMEDOUT } from "./errno.ts";
import { Failure } from "./failure.ts";
import { type Endpoint, formatEndpoint, socketAddress } from "./socket-address.ts";
import type { Stream, StreamEvents } from "./stream.ts";
import { networkFailure, openTcpSocket, socketError, tendConnection } from "./tcp-socket.ts";

/** An attempt to connect may take this long, in milliseconds. */
const CONNECT_LIMIT = 5_000;
/** After so many bytes others have their turn. */
const FAIR = 1 << 18;
const MSG_DONTWAIT = 0x40;

/** What comes is received here, and copied by its length. */
const room = new Uint8Array(32_768);

/** A descriptor, and what errors call the other end. */
export interface TcpSocket {
  readonly fd: number;
  readonly peer: string;
}

/** What an open connection tells, and when its descriptor has been closed, for whatever reason. */
export interface ConnectionEvents extends Pick<StreamEvents, "onData" | "onEnd"> {
  readonly onClosed?: (() => void) | undefined;
}

/** A connection by its descriptor; each callback may close it. */
export class TcpConnection implements Stream {
  readonly #loop: EventLoop;
  readonly #fd: number;
  readonly #peer: string;
  readonly #events: ConnectionEvents;
  readonly #queue: Uint8Array[] = [];
  #sendFault = 0;
  #isOpen = false;
  #isClosed = false;
  #isFinishing = false;

  /** The descriptor is closed with the connection. */
  constructor(loop: EventLoop, { fd, peer }: TcpSocket, events: ConnectionEvents) {
    this.#loop = loop;
    this.#fd = fd;
    this.#peer = peer;
    this.#events = events;
  }

  /** From now on, as it is connected: sends and receives. */
  start(): void {
    if (this.#isClosed) return;
    this.#isOpen = true;
    tendConnection(this.#fd);
    this.#flush();
    this.#listen();
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosed || this.#isFinishing || bytes.length === 0) return;
    this.#queue.push(bytes);
    if (!this.#isOpen || this.#queue.length > 1) return;
    this.#flush();
    if (this.#queue.length > 0) this.#listen();
  }

  /** Ends it once all that was sent is with the kernel; what still comes is not told. */
  finish(): void {
    this.#isFinishing = true;
    if (this.#queue.length === 0) this.close();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue.length = 0;
    this.#loop.close(this.#fd);
    this.#events.onClosed?.();
  }

  #listen(): void {
    if (this.#isClosed) return;
    const events = this.#queue.length > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;
    this.#loop.watch(this.#fd, events, (ready) => this.#serve(ready));
  }

  #serve(ready: number): void {
    if ((ready & EPOLLOUT) !== 0 && this.#queue.length > 0) {
      this.#flush();
      if (this.#queue.length === 0) this.#listen();
    }
    if ((ready & ~EPOLLOUT) !== 0) this.#receive();
  }

  /** If it fails, what the other end had to say before is still there to be read. */
  #flush(): void {
    while (this.#queue.length > 0) {
      const bytes = this.#queue[0] as Uint8Array;
      const sent = host.send(this.#fd, bytes);
      if (sent === -EAGAIN || sent === -EINTR) return;
      if (sent < 0) {
        this.#sendFault = -sent;
        this.#queue.length = 0;
      } else if (sent < bytes.length) this.#queue[0] = bytes.subarray(sent);
      else this.#queue.shift();
    }
    if (this.#isFinishing) this.close();
  }

  #receive(): void {
    for (let taken = 0; taken < FAIR && !this.#isClosed; ) {
      const n = host.receive(this.#fd, room, MSG_DONTWAIT);
      if (n === -EAGAIN || n === -EINTR) return;
      if (n <= 0) {
        this.#end(-n);
        return;
      }
      if (!this.#isFinishing) this.#events.onData(room.slice(0, n));
      if (n < room.length) return;
      taken += n;
    }
  }

  #end(errno: number): void {
    const fault = errno === 0 ? this.#sendFault : errno;
    this.close();
    if (this.#isFinishing) return;
    const cause = fault === 0 ? undefined : networkFailure("keep connection to", this.#peer, fault);
    this.#events.onEnd(cause);
  }
}

/** Connects to an endpoint, and says so or why not, never before it has returned. */
export function connectTcp(loop: EventLoop, endpoint: Endpoint, events: StreamEvents): Stream {
  const peer = formatEndpoint(endpoint);
  let connection: TcpConnection | undefined;
  let cancel = () => {};
  const stop = () => {
    cancel();
    connection?.close();
  };
  const fail = (cause: Failure) => {
    stop();
    events.onEnd(cause);
  };
  const settle = (fd: number) => {
    const errno = socketError(fd);
    if (errno !== 0) return fail(networkFailure("connect to", peer, errno));
    cancel();
    connection?.start();
    events.onOpen();
  };
  try {
    const fd = openTcpSocket(endpoint);
    connection = new TcpConnection(loop, { fd, peer }, events);
    const outcome = host.connect(fd, socketAddress(endpoint));
    if (outcome < 0 && outcome !== -EINPROGRESS) throw networkFailure("connect to", peer, -outcome);
    loop.watch(fd, EPOLLOUT, () => settle(fd));
    cancel = loop.after(CONNECT_LIMIT, () => fail(networkFailure("connect to", peer, ETIMEDOUT)));
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    cancel = loop.after(0, () => fail(cause));
  }
  return { send: (bytes) => connection?.send(bytes), close: stop };
}
