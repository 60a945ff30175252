/** What both sides print and make for plugins that come after another in a list. */
import { compareOutcomes, compareStates } from "./both.ts";
import { chainedCases } from "./chained-cases.ts";
import { inChainedOutcomes, inChainedState } from "./chained-differences.ts";
import { sbrCases } from "./sbr-cases.ts";
import { testComparison } from "./tests.ts";

const cases = [...chainedCases, ...sbrCases];

testComparison({
  title: "both print the same",
  cases,
  compare: compareOutcomes,
  intended: inChainedOutcomes,
});

testComparison({
  title: "both make the same",
  cases,
  compare: compareStates,
  intended: inChainedState,
});
