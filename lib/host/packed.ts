/** Packed texts (lib/bytes/packed.ts) as bytes, by the C host: thousands of hosts are kept as such. */

import * as host from "host";

/** The bytes of a packed text. */
export function unpack(text: string): Uint8Array<ArrayBuffer> {
  return host.bytesOf(text);
}
