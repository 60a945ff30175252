/** UTF-8 that comes in pieces, which may end within a character. */

import { decodeText } from "../host/text.ts";

/** Bytes to text, piece by piece. */
export class Utf8 {
  /** The beginning of a character whose rest has not come. */
  #begun = new Uint8Array(0);

  /** The text of a piece up to its last whole character; undefined if it is not UTF-8. */
  push(bytes: Uint8Array): string | undefined {
    const all = this.#begun.length === 0 ? bytes : joined(this.#begun, bytes);
    const end = all.length - begunLength(all);
    this.#begun = all.slice(end);
    return decodeText(all.subarray(0, end));
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

/** How many bytes at the end are the beginning of a character only. */
function begunLength(bytes: Uint8Array): number {
  for (let count = 1; count <= 3 && count <= bytes.length; count++) {
    const byte = bytes[bytes.length - count] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return lengthOf(byte) > count ? count : 0;
  }
  return 0;
}

/** The length of the character that begins with a byte. */
function lengthOf(byte: number): number {
  if (byte >= 0xf0) return 4;
  return byte >= 0xe0 ? 3 : 2;
}
