/** What both sides print for the same attachments, field by field, in every version. */
import { expect, it } from "vitest";
import { compareOutcomes } from "./both.ts";
import { cases } from "./cases.ts";
import { inOutcomes } from "./differences.ts";
import { testComparison } from "./tests.ts";

testComparison({
  title: "both print the same",
  cases,
  compare: compareOutcomes,
  intended: inOutcomes,
});

it("the table has cases enough, and no two of one name", () => {
  expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
  expect(cases.length).toBeGreaterThan(150);
});
