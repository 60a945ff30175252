/** One system call of a CHECK or STATUS fails. */
import { describe, expect } from "vitest";
import { failingQuestion, scenarios } from "../bed/faults.ts";
import { it } from "../bed/it.ts";

describe.for(scenarios())("$title", (scenario) => {
  it.for(["CHECK", "STATUS"] as const)(
    "%s changes nothing, whichever system call fails",
    (command) => {
      expect(failingQuestion(scenario, command)).toEqual([]);
    },
  );
});
