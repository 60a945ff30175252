/** A watch in JSON: each event is a line. */

import { decodeText } from "../../host/text.ts";
import { Lines } from "../../http/lines.ts";
import { isObject } from "../../overlay/contract/host.ts";
import { parsed } from "./json-list.ts";
import type { WatchReader, WatchReaderEvents } from "./reading.ts";

/** Reads the events of one watch. */
export class JsonWatch implements WatchReader {
  readonly #events: WatchReaderEvents;
  readonly #lines: Lines;
  #fault: string | undefined;

  constructor(events: WatchReaderEvents) {
    this.#events = events;
    this.#lines = new Lines(events.most);
  }

  push(piece: Uint8Array): string | undefined {
    const rest = this.#lines.push(piece, (line) => this.#line(line));
    if (!rest) return `a line of it is longer than ${this.#events.most >> 10} KB`;
    return this.#fault;
  }

  finish(): string | undefined {
    this.#line(this.#lines.rest());
    return this.#fault;
  }

  /** True if the next line is wanted. */
  #line(line: Uint8Array): boolean {
    if (line.length === 0) return true;
    const text = decodeText(line);
    const { type, object } = (text === undefined ? undefined : parsed(text)) ?? {};
    if (isObject(object)) this.#events.onEvent({ type, object });
    else this.#fault = `it sent what is no event of a watch: ${quoted(text)}`;
    return this.#fault === undefined && !this.#events.isOver();
  }
}

function quoted(text: string | undefined): string {
  return text === undefined ? "it is not UTF-8" : JSON.stringify(text.slice(0, 80));
}
