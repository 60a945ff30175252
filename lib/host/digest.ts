/** A digest of long texts that others choose: no two of them have the same. */

import * as host from "host";

const { digestOfText } = host.agent();

/** The first hexadecimal digits of the SHA-256 of a text. */
export function shortDigest(text: string, digits: number): string {
  return digestOfText(text).slice(0, digits);
}
