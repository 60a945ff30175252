/** Texts that stores keep in base64: an answer may have thousands of them. */

import * as host from "host";

const { textOfBase64 } = host.agent();

/** The text of a base64; undefined if it is none, or says what is not UTF-8. */
export function textFromBase64(base64: string): string | undefined {
  return textOfBase64(base64);
}
