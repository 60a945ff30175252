/** Answers of HTTP/1.1, read from bytes that come in pieces of any size. */

import { type Head, quoted, readHead } from "./head.ts";
import { Lines } from "./lines.ts";

/** Who hears of an answer: its head, its body in pieces, and its end. */
export interface AnswerEvents {
  readonly onHead: (head: Head) => void;
  readonly onBody: (bytes: Uint8Array) => void;
  readonly onDone: () => void;
}

/** A head of more bytes, and one of more lines, is refused. */
const HEAD_SIZE = 64 << 10;
const HEAD_LINES = 200;
const LARGEST_CHUNK = 2 ** 40;

/** The digits of sizes, in their order. */
const HEX = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));

type State = "head" | "counted" | "size" | "chunk" | "chunkEnd" | "trailer" | "open" | "done";

/** Reads one answer. Whatever comes, it does not throw: a returned text is what is wrong. */
export class AnswerReader {
  readonly #events: AnswerEvents;
  #state: State = "head";
  #lines = new Lines(HEAD_SIZE);
  #head: string[] = [];
  #headSize = 0;
  #hasBegun = false;
  /** What is left of the body or the chunk. */
  #left = 0;
  #fault: string | undefined;

  constructor(events: AnswerEvents) {
    this.#events = events;
  }

  /** Reads on. What comes after the end of the answer is wrong as well. */
  push(bytes: Uint8Array): string | undefined {
    let rest = bytes;
    while (rest.length > 0 && this.#fault === undefined) {
      if (this.#state === "done") this.#fault = "more came than one answer";
      else rest = this.#step(rest);
    }
    return this.#fault;
  }

  /** The connection has ended in good order; the text is what is missing. */
  finish(): string | undefined {
    if (this.#fault !== undefined || this.#state === "done") return this.#fault;
    if (this.#state !== "open") {
      return this.#hasBegun ? "the answer breaks off" : "the connection ended without an answer";
    }
    this.#end();
    return undefined;
  }

  #step(bytes: Uint8Array): Uint8Array {
    if (this.#state === "open") return this.#body(bytes, bytes.length);
    const size = this.#lines.isEmpty ? usualSize(bytes, this.#state) : undefined;
    if (size) {
      this.#state = "chunk";
      this.#left = size.count;
      return bytes.subarray(size.length);
    }
    if (this.#state !== "counted" && this.#state !== "chunk") return this.#readLines(bytes);
    const rest = this.#body(bytes, Math.min(this.#left, bytes.length));
    if (this.#left > 0) return rest;
    if (this.#state === "chunk") this.#state = "chunkEnd";
    else this.#end();
    return rest;
  }

  #body(bytes: Uint8Array, count: number): Uint8Array {
    this.#left -= count;
    this.#events.onBody(bytes.subarray(0, count));
    return bytes.subarray(count);
  }

  #readLines(bytes: Uint8Array): Uint8Array {
    this.#hasBegun = true;
    const rest = this.#lines.push(bytes, (line) => this.#line(latin1(line)));
    if (rest === undefined) this.#fault ??= "its headers do not end";
    return rest ?? bytes.subarray(bytes.length);
  }

  /** True if the next bytes are a line as well. */
  #line(line: string): boolean {
    this.#headSize += line.length + 1;
    if (this.#headSize > HEAD_SIZE) this.#fault = "its headers do not end";
    return this.#fault === undefined && this.#lineOfState(line);
  }

  #lineOfState(line: string): boolean {
    if (this.#state === "head") return this.#headLine(line);
    if (this.#state === "size") return this.#sizeLine(line);
    if (this.#state === "chunkEnd") return this.#chunkEnd(line);
    if (line === "") this.#end();
    return line !== "";
  }

  #headLine(line: string): boolean {
    if (line !== "") {
      this.#head.push(line);
      if (this.#head.length > HEAD_LINES) this.#fault = "its headers do not end";
      return this.#fault === undefined;
    }
    const head = readHead(this.#head);
    this.#head = [];
    if (typeof head === "string") this.#fault = head;
    else if (head.status === 101) this.#fault = "it switches to another protocol";
    else if (head.status < 200) return true;
    else this.#begin(head);
    return this.#state === "size" && this.#fault === undefined;
  }

  #begin(head: Head): void {
    const { body } = head;
    this.#events.onHead(head);
    this.#headSize = 0;
    this.#left = body.kind === "length" ? body.length : 0;
    if (body.kind === "chunked") this.#state = "size";
    else if (body.kind === "open") this.#state = "open";
    else if (this.#left > 0) this.#state = "counted";
    else this.#end();
  }

  #sizeLine(line: string): boolean {
    this.#headSize = 0;
    const digits = /^([\da-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
    this.#left = Number.parseInt(digits ?? "", 16);
    if (digits === undefined || this.#left > LARGEST_CHUNK) {
      this.#fault = `a chunk's length is ${quoted(line)}`;
      return false;
    }
    this.#state = this.#left === 0 ? "trailer" : "chunk";
    return this.#left === 0;
  }

  #chunkEnd(line: string): boolean {
    this.#headSize = 0;
    if (line !== "") this.#fault = "a chunk is longer than it says";
    this.#state = "size";
    return line === "";
  }

  #end(): void {
    this.#state = "done";
    this.#events.onDone();
  }
}

/**
 * The size of the next chunk, if the line is as servers write it and all of it is there, and how
 * many bytes come before the chunk: long answers have a hundred thousand of them.
 */
function usualSize(
  bytes: Uint8Array,
  state: State,
): { readonly count: number; readonly length: number } | undefined {
  let at = 0;
  if (state === "chunkEnd" && bytes[0] === 13 && bytes[1] === 10) at = 2;
  else if (state !== "size") return undefined;
  let count = 0;
  for (const last = at + 6; at < last; at++) {
    const digit = HEX.indexOf(bytes[at] ?? 0);
    if (digit < 0) break;
    count = 16 * count + digit;
  }
  const isWhole = count > 0 && bytes[at] === 13 && bytes[at + 1] === 10;
  return isWhole ? { count, length: at + 2 } : undefined;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i] ?? 0);
  return text;
}
