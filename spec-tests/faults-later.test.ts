/** One system call of a CHECK, DEL, GC or STATUS fails. */
import { describe, expect } from "vitest";
import { failingQuestion, failingRemoval, scenarios } from "./bed/faults.ts";
import { it } from "./bed/it.ts";

describe.for(scenarios())("$title", (scenario) => {
  it.for(["DEL", "GC"] as const)(
    "%s does its work or can be repeated, whichever system call fails",
    { timeout: 120_000 },
    (command) => {
      expect(failingRemoval(scenario, command)).toEqual([]);
    },
  );

  it.for(["CHECK", "STATUS"] as const)(
    "%s changes nothing, whichever system call fails",
    { timeout: 120_000 },
    (command) => {
      expect(failingQuestion(scenario, command)).toEqual([]);
    },
  );
});
