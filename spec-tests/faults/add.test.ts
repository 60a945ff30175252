/** One system call of an ADD fails: it fails as a whole, says so once, and leaves nothing. */
import { describe, expect } from "vitest";
import { failingAdd, scenarios } from "../bed/faults.ts";
import { it } from "../bed/it.ts";

describe.for(scenarios())("$title", (scenario) => {
  it("ADD leaves nothing, whichever system call fails", () => {
    expect(failingAdd(scenario)).toEqual([]);
  });
});
