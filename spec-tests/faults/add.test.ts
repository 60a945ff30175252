/** One system call of an ADD fails: it fails as a whole, says so once, and leaves nothing. */
import { describe, expect } from "vitest";
import { failingAdd } from "../bed/faults.ts";
import { scenarios } from "../bed/scenarios.ts";
import { itWorks } from "../bed/subjects.ts";

describe.for(scenarios())("$title", (scenario) => {
  itWorks(scenario.program)("ADD leaves nothing, whichever system call fails", () => {
    expect(failingAdd(scenario)).toEqual([]);
  });
});
