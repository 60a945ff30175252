/** Stands where the image has the C host: unit tests put their own here, with `vi.mock("host")`. */

import { unpack } from "../lib/bytes/packed.ts";

export const bytesOf = unpack;
