import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { partOfToday } from "./bed/part.ts";

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
    env: { WEFT_PART: partOfToday() },
    // A busy machine is no fault: watch.ts ends what hangs.
    testTimeout: 0,
    hookTimeout: 0,
  },
});
