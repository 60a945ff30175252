import type { Reporter, TestModule } from "vitest/node";
import { missingFeature } from "./not-here.ts";
import { partOfToday, seedOfToday } from "./part.ts";

/**
 * Before the closing lines of the run: which part of the faults and of the hostile input was tried,
 * and how many tests need something this kernel lacks.
 */
export default class NotHereReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, number>();
    for (const module of modules) {
      for (const test of module.children.allTests("skipped")) {
        const feature = missingFeature(test.name);
        if (feature !== undefined) counts.set(feature, (counts.get(feature) ?? 0) + 1);
      }
    }
    process.stdout.write(
      `faults: part ${partOfToday()} (WEFT_PART=${partOfToday()} repeats it), ` +
        `hostile input: ${seedOfToday()} (WEFT_HOSTILE=${seedOfToday()})\n`,
    );
    for (const [feature, count] of counts) {
      process.stdout.write(
        `not here: ${count} ${count === 1 ? "test needs" : "tests need"} ${feature}\n`,
      );
    }
  }
}
