/** Bytes as short texts: they compare, sort and serve as keys, and take a tenth of the memory. */

import * as codec from "codec";

/** How many bits two texts begin with in common. */
export const commonBits: (a: string, b: string) => number = codec.commonBits;

/** A text with one character per byte; texts of parts may be joined. */
export function pack(bytes: ArrayLike<number>): string {
  return Reflect.apply(String.fromCharCode, undefined, bytes);
}

/** Bytes behind their length, which is below 256. */
export function packCounted(bytes: ArrayLike<number>): string {
  return String.fromCharCode(bytes.length) + pack(bytes);
}

/** The bytes of a packed text. */
export function unpack(text: string): Uint8Array<ArrayBuffer> {
  const { length } = text;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
