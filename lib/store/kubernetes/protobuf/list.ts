/** A list in Protocol Buffers, read object by object while it comes. */

import type { Reader } from "../../../bytes/codec.ts";
import type { JsonObject } from "../../../overlay/contract/host.ts";
import type { ListReader, ListReaderEvents } from "../reading.ts";
import type { Kind } from "./message.ts";
import { list, listedKind, MAGIC, unknown } from "./objects.ts";
import { MessageStream } from "./stream.ts";

/** Reads one list. */
export class ProtobufList implements ListReader {
  readonly #events: ListReaderEvents;
  readonly #kind: Kind<JsonObject>;
  readonly #stream: MessageStream;
  #magic = 0;
  #type: { readonly kind?: string } = {};
  #metadata: JsonObject = {};

  constructor(events: ListReaderEvents) {
    this.#events = events;
    this.#kind = listedKind(events.kind);
    this.#stream = new MessageStream([unknown.raw.number], {
      onField: (depth, number, value) => this.#field(depth, number, value),
      most: events.most,
    });
  }

  push(piece: Uint8Array): string | undefined {
    let at = 0;
    for (; this.#magic < MAGIC.length && at < piece.length; at++, this.#magic++)
      if (piece[at] !== MAGIC[this.#magic]) return "it is no object in Protocol Buffers";
    return this.#stream.push(piece.subarray(at));
  }

  finish(): JsonObject | string {
    const fault = this.#stream.finish();
    if (fault !== undefined) return fault;
    if (this.#magic < MAGIC.length) return "it breaks off";
    return { kind: this.#type.kind, metadata: this.#metadata };
  }

  #field(depth: number, number: number, value: Reader): void {
    if (depth === 0 && number === unknown.typeMeta.number) {
      this.#type = unknown.typeMeta.kind.read(value, undefined);
    } else if (depth === 1 && number === list.metadata.number) {
      this.#metadata = list.metadata.kind.read(value, undefined);
    } else if (depth === 1 && number === list.items.number) {
      this.#events.onItem(this.#kind.read(value, undefined));
    }
  }
}
