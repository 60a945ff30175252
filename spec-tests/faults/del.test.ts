/** One system call of a DEL fails. */
import { describe, expect } from "vitest";
import { failingRemoval, scenarios } from "../bed/faults.ts";
import { it } from "../bed/it.ts";

describe.for(scenarios())("$title", (scenario) => {
  it("DEL does its work or can be repeated, whichever system call fails", () => {
    expect(failingRemoval(scenario, "DEL")).toEqual([]);
  });
});
