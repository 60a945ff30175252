/**
 * A message that comes in pieces, and is too long to be kept: of one of its fields, and again of one
 * of that, the fields are read as they come.
 *
 *   path [2], of a message { 1: a, 2: { 1: b, 2: c, 2: d } }
 *   told  (depth 0, field 1, a)  (depth 1, field 1, b)  (depth 1, field 2, c)  (depth 1, field 2, d)
 */

import { CodecError, type Reader } from "../../../bytes/codec.ts";
import { numberOf, readTag, valueLength } from "./message.ts";
import { Window } from "./window.ts";

/** A tag and a length are not longer, or a tag and a number. */
const LONGEST_HEAD = 20;

/** What is told of a message. */
export interface StreamEvents {
  /** A field and its value, without the length. */
  readonly onField: (depth: number, number: number, value: Reader) => void;
  /** The longest field that is told, in bytes. */
  readonly most: number;
}

/** Reads one message, from the first of its bytes that are given. A returned text is what is wrong with it. */
export class MessageStream {
  readonly #path: readonly number[];
  readonly #events: StreamEvents;
  readonly #window = new Window();
  /** With fewer bytes there is nothing to be read. */
  #awaited = 0;
  /** How many bytes are left of each message that has begun; the outermost ends with the last piece. */
  readonly #left: number[] = [Number.POSITIVE_INFINITY];

  constructor(path: readonly number[], events: StreamEvents) {
    this.#path = path;
    this.#events = events;
  }

  push(piece: Uint8Array): string | undefined {
    this.#window.add(piece);
    if (this.#window.length < this.#awaited) return undefined;
    this.#awaited = 0;
    return this.#read(LONGEST_HEAD);
  }

  /** Nothing more comes. */
  finish(): string | undefined {
    const fault = this.#read(1);
    if (fault !== undefined) return fault;
    const isWhole = this.#window.length === 0 && this.#left.length === 1;
    return isWhole ? undefined : "it breaks off";
  }

  /** Reads on while so many bytes are there, for a field's head to be whole. */
  #read(least: number): string | undefined {
    try {
      while (this.#leave() && this.#window.length >= Math.min(least, this.#innermost)) {
        if (!this.#field()) return undefined;
      }
      return undefined;
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause;
      return cause.message;
    }
  }

  get #innermost(): number {
    return this.#left.at(-1) ?? 0;
  }

  /** True: what is read now is not at its end. */
  #leave(): boolean {
    while (this.#innermost === 0) this.#left.pop();
    return this.#window.length > 0;
  }

  /** Reads a field; false if it is not whole yet. */
  #field(): boolean {
    const input = this.#window.reader(Math.min(this.#window.length, this.#innermost));
    const { at } = input;
    const tag = readTag(input);
    const length = valueLength(input, tag & 7);
    const head = input.at - at;
    if (head + length > this.#innermost)
      throw new CodecError(`a field of ${length} bytes, ${this.#innermost - head} remain`);
    const isEntered = numberOf(tag) === this.#path[this.#left.length - 1] && (tag & 7) === 2;
    if (isEntered) this.#enter(head, length);
    else if (length > this.#events.most)
      throw new CodecError(`a part of it is longer than ${this.#events.most >> 10} KB`);
    else if (length > input.left) {
      this.#awaited = head + length;
      return false;
    } else this.#tell(numberOf(tag), head, length);
    return true;
  }

  #enter(head: number, length: number): void {
    this.#take(head + length);
    this.#window.pass(head);
    this.#left.push(length);
  }

  #tell(number: number, head: number, length: number): void {
    const depth = this.#left.length - 1;
    const value = this.#window.reader(head + length);
    value.skip(head);
    this.#take(head + length);
    this.#window.pass(head + length);
    this.#events.onField(depth, number, value);
  }

  /** The innermost message has so much less to come. */
  #take(count: number): void {
    this.#left[this.#left.length - 1] = this.#innermost - count;
  }
}
