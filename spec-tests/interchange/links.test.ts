/** What both sides print and make for the plugins that give a container a link. */
import { expect, it } from "vitest";
import { compareBoth } from "./both.ts";
import { laterLinkCases, linkCases } from "./link-cases.ts";
import { inLinks } from "./link-differences.ts";
import { testComparison } from "./tests.ts";

testComparison({
  title: "both print and make the same",
  cases: linkCases,
  compare: compareBoth("theirs"),
  intended: inLinks,
});

it("the table has no two cases of one name", () => {
  const titles = [...linkCases, ...laterLinkCases].map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
});
