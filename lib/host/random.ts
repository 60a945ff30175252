/** Random bytes from the kernel. */

import * as host from "host";
import { checked } from "./errno.ts";

/** `count` random bytes, at most 256. */
export function randomBytes(count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  checked(host.random(bytes), "read random bytes");
  return bytes;
}

/** A random number from 0 up to, but not including, 1: the engine's own are the same in each run. */
export function randomFraction(): number {
  return new DataView(randomBytes(4).buffer).getUint32(0) / 2 ** 32;
}
