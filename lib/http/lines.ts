/** Bytes into lines. */

import { Gather } from "./gather.ts";

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** Finds the lines of bytes that come in pieces. */
export class Lines {
  readonly #most: number;
  readonly #begun = new Gather();

  /** A line is `most` bytes long at most, without its end. */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Calls `onLine` for each line that is whole, without its end, for as long as it returns true.
   * Returns what comes after the last of them; undefined if a line is too long.
   */
  push(bytes: Uint8Array, onLine: (line: Uint8Array) => boolean): Uint8Array | undefined {
    let rest = bytes;
    for (;;) {
      const end = rest.indexOf(LINE_FEED);
      const piece = end < 0 ? rest : rest.subarray(0, end);
      if (this.#begun.length + piece.length > this.#most + 1) return undefined;
      if (end < 0) {
        this.#begun.add(piece);
        return rest.subarray(rest.length);
      }
      rest = rest.subarray(end + 1);
      const line = trimmed(this.#whole(piece));
      if (line.length > this.#most) return undefined;
      if (!onLine(line)) return rest;
    }
  }

  /** Whether no line has begun. */
  get isEmpty(): boolean {
    return this.#begun.length === 0;
  }

  /** What came after the last line's end. */
  rest(): Uint8Array {
    return this.#begun.take();
  }

  #whole(piece: Uint8Array): Uint8Array {
    if (this.#begun.length === 0) return piece;
    this.#begun.add(piece);
    return this.#begun.take();
  }
}

function trimmed(line: Uint8Array): Uint8Array {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
