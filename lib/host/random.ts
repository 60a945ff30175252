/** Random bytes from the kernel. */

import * as host from "host";
import { checked } from "./errno.ts";

/** `count` random bytes, at most 256. */
export function randomBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  checked(host.random(bytes), "read random bytes");
  return bytes;
}
