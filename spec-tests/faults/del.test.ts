/** One system call of a DEL fails. */
import { describe, expect } from "vitest";
import { failingRemoval } from "../bed/faults.ts";
import { scenarios } from "../bed/scenarios.ts";
import { itWorks } from "../bed/subjects.ts";

describe.for(scenarios())("$title", (scenario) => {
  itWorks(scenario.program)(
    "DEL does its work or can be repeated, whichever system call fails",
    () => {
      expect(failingRemoval(scenario, "DEL")).toEqual([]);
    },
  );
});
