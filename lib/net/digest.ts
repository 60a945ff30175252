/** Hashes that nobody meets by chance, for names that have to be shortened. */

import { sha512 } from "@noble/hashes/sha2";

/** The first hexadecimal digits of the SHA-512 of a text of single bytes. */
export function sha512Hex(text: string, digits: number): string {
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const hash = Array.from(sha512(bytes).subarray(0, digits / 2));
  return hash.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
