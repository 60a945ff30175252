/** What both sides make for the same attachments: links, addresses, routes, rules and files. */
import { compareStates } from "./both.ts";
import { cases } from "./cases.ts";
import { inState } from "./differences.ts";
import { testComparison } from "./tests.ts";

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
