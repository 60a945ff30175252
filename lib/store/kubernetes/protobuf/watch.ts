/** A watch in Protocol Buffers: each event after its length, of four bytes, the highest first. */

import { CodecError } from "../../../bytes/codec.ts";
import { read } from "../../../bytes/layout.ts";
import { u32be } from "../../../bytes/scalar.ts";
import type { WatchReader, WatchReaderEvents } from "../reading.ts";
import { readMessage } from "./message.ts";
import { readObject, watchEvent } from "./objects.ts";
import { Window } from "./window.ts";

/** Reads the events of one watch. */
export class ProtobufWatch implements WatchReader {
  readonly #events: WatchReaderEvents;
  readonly #window = new Window();

  constructor(events: WatchReaderEvents) {
    this.#events = events;
  }

  push(piece: Uint8Array): string | undefined {
    this.#window.add(piece);
    try {
      while (!this.#events.isOver() && this.#window.length >= u32be.size && this.#event());
      return undefined;
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause;
      return `it sent what is no event of a watch: ${cause.message}`;
    }
  }

  finish(): string | undefined {
    return this.#window.length > 0 ? "it ended within an event" : undefined;
  }

  /** False if it is not whole yet. */
  #event(): boolean {
    const input = this.#window.reader();
    const length = read(u32be, input);
    input.skip(u32be.size);
    const { most } = this.#events;
    if (length > most) throw new CodecError(`it is longer than ${most >> 10} KB`);
    if (length > input.left) return false;
    this.#window.pass(u32be.size + length);
    const { type, object } = readMessage(
      watchEvent,
      input.bytes.subarray(input.at, input.at + length),
    );
    this.#events.onEvent({ type, object: readObject(object?.raw ?? new Uint8Array(0)) });
    return true;
  }
}
