import { relative, resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { partOfToday, seedOfToday } from "./bed/part.ts";

/** One part for the whole run, also if it goes on after midnight. */
const parts = { WEFT_PART: partOfToday(), WEFT_HOSTILE: seedOfToday() };
Object.assign(process.env, parts);

/** What takes longest, loops over many runs or executables and waits for a store: so that none is alone in the end. */
const loops = /^(faults|hostile|interchange|agent)\/|^protocol\/protocol\.test/;

class LoopsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLoop = ({ moduleId }: TestSpecification) =>
      loops.test(relative(import.meta.dirname, moduleId));
    return [...sorted.filter(isLoop), ...sorted.filter((file) => !isLoop(file))];
  }
}

/** What needs runtimes of containers, real peers or all of Kubernetes are jobs of their own, by the words of tools/setup.sh. */
const apart: Readonly<Record<string, string>> = {
  "runtimes/**": "test-clients",
  "kubernetes/**": "test-kubernetes",
  "cluster/**": "test-cluster",
};

export default defineConfig({
  cacheDir: resolve(import.meta.dirname, "../node_modules/.vite-spec-tests"),
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    exclude: Object.keys(apart).filter((files) => apart[files] !== process.env.WEFT_SETUP),
    globalSetup: ["./bed/require-root.ts", "./bed/set-up-programs.ts", "./bed/watch.ts"],
    setupFiles: ["./bed/matchers.ts"],
    reporters: ["./bed/not-here-reporter.ts", "default"],
    pool: "forks",
    // The kernel gives root 128 instances of inotify; a cluster of two nodes takes some twenty.
    maxWorkers: process.env.WEFT_SETUP === "test-kubernetes" ? 3 : 8,
    // A worker goes on with the next file: a test leaves nothing behind in it but what is true for all.
    isolate: false,
    unstubEnvs: true,
    sequence: { sequencer: LoopsFirst },
    env: parts,
    // A busy machine is no fault: watch.ts ends what hangs.
    testTimeout: 0,
    hookTimeout: 0,
  },
});
