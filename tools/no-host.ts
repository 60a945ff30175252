/** Stands where the image has the C host: unit tests put their own here, with `vi.mock("host")`. */

import { createHash } from "node:crypto";
import { unpack } from "../lib/bytes/packed.ts";

export const bytesOf = unpack;

export function sha512(bytes: Uint8Array): string {
  return createHash("sha512").update(bytes).digest("hex");
}
