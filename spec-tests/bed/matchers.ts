/** What this project's tests can expect besides what vitest brings. */
import { expect } from "vitest";
import { type Ending, tell } from "./outcome.ts";

declare module "vitest" {
  interface Assertion {
    /** The process exited with 0; what it printed is told if it did not. */
    toSucceed(): void;
  }
}

expect.extend({
  toSucceed(ending: Ending) {
    const message = () => `the run ${this.isNot ? "succeeded" : "failed"}:\n${tell(ending)}`;
    return { pass: ending.exitCode === 0, message };
  },
});
