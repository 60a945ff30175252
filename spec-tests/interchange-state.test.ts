/** What both sides make for the same attachments: links, addresses, routes, rules and files. */
import { compareStates } from "./interchange/both.ts";
import { cases } from "./interchange/cases.ts";
import { inState } from "./interchange/differences.ts";
import { testComparison } from "./interchange/tests.ts";

/**
 * host-local makes the same by itself, and nothing where it refuses; isDefaultGateway makes what
 * isGateway does, and more.
 */
const making = cases.filter(
  ({ program, title, isOfDelegate }) =>
    program !== "host-local" && !isOfDelegate && !title.endsWith(", isGateway"),
);

testComparison({
  title: "both make the same",
  cases: making,
  compare: compareStates,
  intended: inState,
});
