/** One system call of a CHECK or STATUS fails. */
import { describe, expect } from "vitest";
import { failingQuestion } from "../bed/faults.ts";
import { scenarios } from "../bed/scenarios.ts";
import { itWorks } from "../bed/subjects.ts";

describe.for(scenarios())("$title", (scenario) => {
  itWorks(scenario.program).for(["CHECK", "STATUS"] as const)(
    "%s changes nothing, whichever system call fails",
    (command) => {
      expect(failingQuestion(scenario, command)).toEqual([]);
    },
  );
});
