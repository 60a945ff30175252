/**
 * A list of the Kubernetes API in JSON, read item by item while it comes: 5,000 Nodes may come in one
 * answer of 50 MB, and none of it is kept. Where an item ends is found by what is between two of them,
 * `},{"metadata":`, and proved by its being JSON: that is the engine's own work, and fast.
 */

import { Utf8 } from "../../http/utf8.ts";
import { isObject, type JsonObject } from "../../overlay/contract/host.ts";
import type { ListReader, ListReaderEvents } from "./reading.ts";

const BEGIN = /"items"\s*:\s*\[/;
const BETWEEN = '},{"metadata":';
/** As others than the API server may write it. */
const WIDELY_BETWEEN = /\}\s*,\s*\{\s*"(?:metadata|kind|apiVersion)"/g;
/** Within so many characters an item has ended if it is written as the API server does. */
const NARROW = 256 << 10;
/** What is between two items is shorter. */
const OVERLAP = 256;
/** How many brackets at the end of a list may be that of its last item. */
const LAST_TRIES = 64;

type Place = "before" | "items" | "after";

/** Reads one list, in pieces of any length. */
export class JsonList implements ListReader {
  readonly #events: ListReaderEvents;
  readonly #utf8 = new Utf8();
  #place: Place = "before";
  /** What came before the first item. */
  #before = "";
  /** What has come and is not read yet. */
  #text = "";
  /** Up to where no item ends. */
  #searched = 0;
  #isWide = false;

  constructor(events: ListReaderEvents) {
    this.#events = events;
  }

  push(piece: Uint8Array): string | undefined {
    const text = this.#utf8.push(piece);
    if (text === undefined) return "it is not UTF-8";
    this.#text += text;
    if (this.#place === "before") this.#findItems();
    if (this.#place === "items") this.#readItems();
    const { most } = this.#events;
    return this.#text.length > most ? `a part of it is longer than ${most >> 10} KB` : undefined;
  }

  finish(): JsonObject | string {
    if (this.#place === "items") {
      this.#widen();
      this.#readItems();
      this.#readLast();
    }
    const list = this.#place === "items" ? undefined : parsed(this.#before + this.#text);
    if (list) return list;
    return this.#place === "before" ? "it is no list in JSON" : "it breaks off";
  }

  #findItems(): void {
    const begin = BEGIN.exec(this.#text);
    if (!begin) return;
    const at = begin.index + begin[0].length;
    this.#before = this.#text.slice(0, at);
    this.#text = this.#text.slice(at);
    this.#place = "items";
  }

  #readItems(): void {
    for (let end = this.#nextEnd(); end !== undefined; end = this.#nextEnd()) {
      this.#searched = end;
      this.#take(end);
    }
    if (this.#isWide || this.#text.length < NARROW) return;
    this.#widen();
    this.#readItems();
  }

  #widen(): void {
    this.#isWide = true;
    this.#searched = 0;
  }

  /** Behind the next bracket that may be the end of an item; undefined: more has to come. */
  #nextEnd(): number | undefined {
    const at = this.#isWide ? this.#nextWidely() : this.#text.indexOf(BETWEEN, this.#searched);
    if (at >= 0) return at + 1;
    this.#searched = Math.max(this.#searched, this.#text.length - OVERLAP);
    return undefined;
  }

  #nextWidely(): number {
    WIDELY_BETWEEN.lastIndex = this.#searched;
    return WIDELY_BETWEEN.exec(this.#text)?.index ?? -1;
  }

  /** True if what comes up to `end` is an item, which is told. */
  #take(end: number): boolean {
    const item = parsed(this.#text.slice(0, end));
    if (!item) return false;
    this.#events.onItem(item);
    this.#text = this.#text.slice(end).replace(/^\s*,\s*/, "");
    this.#searched = 0;
    return true;
  }

  /** The last item is followed by what ends the list, which is short. */
  #readLast(): void {
    let at = this.#text.length;
    for (let i = 0; i < LAST_TRIES && at > 0 && !/^\s*\]/.test(this.#text); i++) {
      at = this.#text.lastIndexOf("}", at - 1);
      if (at < 0) return;
      if (/^\}\s*\]/.test(this.#text.slice(at, at + OVERLAP))) this.#take(at + 1);
    }
    if (/^\s*\]/.test(this.#text)) this.#place = "after";
  }
}

/** A JSON object; undefined if a text is none. */
export function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
