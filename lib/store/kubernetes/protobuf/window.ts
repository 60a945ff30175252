/** Bytes that come in pieces and are read from their beginning, as far as they have come. */

import { Reader } from "../../../bytes/codec.ts";

const FIRST_ROOM = 64 << 10;

/** What has come and is not read yet, in one piece. */
export class Window {
  #bytes = new Uint8Array(0);
  #at = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#at;
  }

  /** Copies them to the end of what is there. */
  add(piece: Uint8Array): void {
    if (this.#at === this.#end) this.#at = this.#end = 0;
    if (this.#end + piece.length > this.#bytes.length) this.#makeRoom(piece.length);
    this.#bytes.set(piece, this.#end);
    this.#end += piece.length;
  }

  #makeRoom(more: number): void {
    const former = this.#bytes;
    const { length } = this;
    const isLarge = length + more <= former.length / 2;
    if (!isLarge) this.#bytes = new Uint8Array(Math.max(FIRST_ROOM, 2 * (length + more)));
    this.#bytes.set(former.subarray(this.#at, this.#end));
    this.#at = 0;
    this.#end = length;
  }

  /** All of it, or the first `count` bytes, to be read; good until more is added. */
  reader(count = this.length): Reader {
    return new Reader(this.#bytes, this.#at, this.#at + count);
  }

  /** These are read. */
  pass(count: number): void {
    this.#at += count;
  }
}
