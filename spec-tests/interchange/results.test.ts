/** What both sides print for the same attachments, field by field, in every version. */
import { expect, it } from "vitest";
import { compareOutcomes } from "./both.ts";
import { cases } from "./cases.ts";
import { inOutcomes } from "./differences.ts";
import { staticCases } from "./static-cases.ts";
import { testComparison } from "./tests.ts";

const all = [...cases, ...staticCases];

testComparison({
  title: "both print the same",
  cases: all,
  compare: compareOutcomes,
  intended: inOutcomes,
});

it("the table has cases enough, and no two of one name", () => {
  expect(new Set(all.map(({ title }) => title)).size).toBe(all.length);
  expect(all.length).toBeGreaterThan(150);
});
