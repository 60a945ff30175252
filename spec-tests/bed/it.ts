import { it as plainIt } from "vitest";
import { type Bed, createBed } from "./bed.ts";

/** A test; one that takes `{ bed }` gets a private machine of its own. */
export const it = plainIt.extend<{ readonly bed: Bed }>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured parameter
  async bed({}, use) {
    const bed = createBed();
    await use(bed);
    bed.dispose();
  },
});
