import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { partOfToday, seedOfToday } from "./bed/part.ts";

/** One part for the whole run, also if it goes on after midnight. */
const parts = { WEFT_PART: partOfToday(), WEFT_HOSTILE: seedOfToday() };
Object.assign(process.env, parts);

export default defineConfig({
  cacheDir: resolve(import.meta.dirname, "../node_modules/.vite-spec-tests"),
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    globalSetup: ["./bed/require-root.ts", "./bed/set-up-programs.ts", "./bed/watch.ts"],
    setupFiles: ["./bed/matchers.ts"],
    reporters: ["./bed/not-here-reporter.ts", "default"],
    pool: "forks",
    maxWorkers: 4,
    env: parts,
    // A busy machine is no fault: watch.ts ends what hangs.
    testTimeout: 0,
    hookTimeout: 0,
  },
});
