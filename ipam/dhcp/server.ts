/**
 * The daemon's socket: each connection brings one question and takes one answer away. Nothing that a
 * client does or leaves makes the daemon wait: it may be slow, silent, or gone.
 */

import { bootMilliseconds, EPOLLIN, type EventLoop } from "../../lib/host/epoll.ts";
import { acceptConnection, receiveSome, sendAll, textOf } from "../../lib/host/unix-listener.ts";
import { isOwnPeer } from "../../lib/host/unix-socket.ts";
import { type Answer, LONGEST_LINE, type Question } from "./messages.ts";
import { errorAnswer, parseQuestion } from "./questions.ts";

/** As many connections at once; further ones wait in line until one ends. */
const MOST_CONNECTIONS = 400;

/** How long not to listen when no connection can be accepted. */
const SHORT_OF_DESCRIPTORS = 1_000;

/** What becomes of a question: `answer` may be called later; returns what to do if the client leaves. */
export type Serve = (question: Question, answer: (answer: Answer) => void) => () => void;

/** A client from its connection to its answer. */
interface Connection {
  readonly fd: number;
  text: Uint8Array;
  hasAsked: boolean;
  leave: () => void;
}

/** Serves whoever connects and is root. */
export class Server {
  readonly #loop: EventLoop;
  readonly #listener: number;
  readonly #serve: Serve;
  readonly #connections = new Set<Connection>();
  #resumeAt = Infinity;

  constructor(loop: EventLoop, listener: number, serve: Serve) {
    this.#loop = loop;
    this.#listener = listener;
    this.#serve = serve;
    this.#listen();
  }

  /** When to call `resume`, since descriptors have run out; else Infinity. */
  get wakeAt(): number {
    return this.#resumeAt;
  }

  /** Listens again. */
  resume(): void {
    this.#resumeAt = Infinity;
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
    else if (this.#connections.size >= MOST_CONNECTIONS) this.#pause();
  }

  #next(): number | undefined {
    try {
      return acceptConnection(this.#listener);
    } catch (cause) {
      this.#deafen();
      this.#resumeAt = bootMilliseconds() + SHORT_OF_DESCRIPTORS;
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
    else if (connection.text.length > LONGEST_LINE) this.#close(connection);
  }

  #ask(connection: Connection, line: string): void {
    connection.hasAsked = true;
    connection.text = new Uint8Array(0);
    const answer = (given: Answer) => this.#answer(connection, given);
    try {
      connection.leave = this.#serve(parseQuestion(line), answer);
    } catch (cause) {
      answer(errorAnswer(cause));
    }
  }

  #answer(connection: Connection, answer: Answer): void {
    if (!this.#connections.has(connection)) return;
    sendAll(connection.fd, `${JSON.stringify(answer)}\n`);
    this.#close(connection);
  }

  #close(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    this.#loop.close(connection.fd);
    if (this.#connections.size === MOST_CONNECTIONS - 1) this.#listen();
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
