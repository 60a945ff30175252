/** The same beside release 1.9.1, and what has come until then. */
import { compareBoth } from "./both.ts";
import { laterLinkCases, linkCases } from "./link-cases.ts";
import { inLinks } from "./link-differences.ts";
import { testComparison } from "./tests.ts";

const reference = "theirs 1.9.1";

testComparison({
  title: "both print and make the same",
  cases: [...linkCases, ...laterLinkCases],
  compare: compareBoth(reference),
  intended: inLinks,
  reference,
});
