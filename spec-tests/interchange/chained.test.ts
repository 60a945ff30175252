/** What both sides print and make for plugins that come after another in a list. */
import { compareOutcomes, compareStates } from "./both.ts";
import { chainedCases } from "./chained-cases.ts";
import { inChainedOutcomes, inChainedState } from "./chained-differences.ts";
import { testComparison } from "./tests.ts";

testComparison({
  title: "both print the same",
  cases: chainedCases,
  compare: compareOutcomes,
  intended: inChainedOutcomes,
});

testComparison({
  title: "both make the same",
  cases: chainedCases,
  compare: compareStates,
  intended: inChainedState,
});
