/** Text as UTF-8 bytes and back. */

import * as host from "host";

/** The bytes of a text. */
export function encodeText(text: string): Uint8Array {
  return host.encode(text);
}

/** The text of bytes; undefined if they are not UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
  return host.decode(bytes);
}

/** The text of bytes from one on, and before another; undefined if they are not UTF-8. */
export function decodePart(bytes: Uint8Array, from: number, to: number): string | undefined {
  return host.decode(bytes, from, to);
}
