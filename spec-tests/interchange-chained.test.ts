/** What both sides print and make for plugins that come after another in a list. */
import { compareOutcomes, compareStates } from "./interchange/both.ts";
import { chainedCases } from "./interchange/chained-cases.ts";
import { inChainedOutcomes, inChainedState } from "./interchange/chained-differences.ts";
import { testComparison } from "./interchange/tests.ts";

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
