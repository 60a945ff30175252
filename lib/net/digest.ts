/** Hashes that nobody meets by chance, for names that have to be shortened. */

import * as host from "host";

/** The first hexadecimal digits of the SHA-512 of a text of single bytes. */
export function sha512Hex(text: string, digits: number): string {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return host.sha512(bytes).slice(0, digits);
}
