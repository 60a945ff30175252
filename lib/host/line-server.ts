/**
 * A program's socket (unix(7)): each connection brings one line, a question, and takes one away, the
 * answer. Nothing that a client does or leaves makes the program wait: it may be slow, silent, or gone.
 */

import { EPOLLIN, type EventLoop } from "./epoll.ts";
import { acceptConnection, receiveSome, sendAll, textOf } from "./unix-listener.ts";
import { isOwnPeer } from "./unix-socket.ts";

/** How long not to listen when no connection can be accepted, in milliseconds. */
const SHORT_OF_DESCRIPTORS = 1_000;

/** How questions are taken. */
export interface LineService {
  /** As many connections at once; further ones wait in line until one ends. */
  readonly mostConnections: number;
  /** Who sends a line of more bytes is not answered. */
  readonly longestLine: number;
  /** `answer` may be called later; returns what to do if the client leaves. What it throws is told the loop. */
  readonly serve: (line: string, answer: (line: string) => void) => () => void;
}

/** A client from its connection to its answer. */
interface Connection {
  readonly fd: number;
  text: Uint8Array;
  hasAsked: boolean;
  leave: () => void;
}

/** Serves whoever connects and is root. */
export class LineServer {
  readonly #loop: EventLoop;
  #listener: number;
  readonly #service: LineService;
  readonly #connections = new Set<Connection>();

  constructor(loop: EventLoop, listener: number, service: LineService) {
    this.#loop = loop;
    this.#listener = listener;
    this.#service = service;
    this.#listen();
  }

  /** Listens at another socket from now on; who has connected by the former one is answered. */
  replaceListener(listener: number): void {
    this.#loop.close(this.#listener);
    this.#listener = listener;
    this.#listen();
  }

  #listen(): void {
    this.#loop.watch(this.#listener, EPOLLIN, () => this.#accept());
  }

  #accept(): void {
    const fd = this.#next();
    if (fd === undefined) return;
    const connection: Connection = {
      fd,
      text: new Uint8Array(0),
      hasAsked: false,
      leave: () => undefined,
    };
    this.#connections.add(connection);
    try {
      this.#loop.watch(fd, EPOLLIN, () => this.#read(connection));
    } catch (cause) {
      this.#close(connection);
      throw cause;
    }
    if (!isOwnPeer(fd)) this.#close(connection);
    else if (this.#connections.size >= this.#service.mostConnections) this.#pause();
  }

  #next(): number | undefined {
    try {
      return acceptConnection(this.#listener);
    } catch (cause) {
      this.#deafen();
      this.#loop.after(SHORT_OF_DESCRIPTORS, () => this.#listen());
      throw cause;
    }
  }

  #deafen(): void {
    this.#loop.watch(this.#listener, 0, () => undefined);
  }

  /** A client that says nothing makes room for one that does; else nobody new is listened to. */
  #pause(): void {
    const silent = [...this.#connections].find(({ hasAsked }) => !hasAsked);
    if (silent) this.#close(silent);
    else this.#deafen();
  }

  #read(connection: Connection): void {
    const more = receiveSome(connection.fd);
    if (more === undefined) return;
    if (more.length === 0) {
      this.#close(connection);
      connection.leave();
      return;
    }
    if (connection.hasAsked) return; // nothing is to follow
    connection.text = joined(connection.text, more);
    const end = connection.text.indexOf(10);
    if (end >= 0) this.#ask(connection, textOf(connection.text.subarray(0, end)));
    else if (connection.text.length > this.#service.longestLine) this.#close(connection);
  }

  #ask(connection: Connection, line: string): void {
    connection.hasAsked = true;
    connection.text = new Uint8Array(0);
    connection.leave = this.#service.serve(line, (answer) => this.#answer(connection, answer));
  }

  #answer(connection: Connection, answer: string): void {
    if (!this.#connections.has(connection)) return;
    sendAll(connection.fd, `${answer}\n`);
    this.#close(connection);
  }

  #close(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    this.#loop.close(connection.fd);
    if (this.#connections.size === this.#service.mostConnections - 1) this.#listen();
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
