/** What both sides make for the same attachments: links, addresses, routes, rules and files. */
import { compareStates } from "./both.ts";
import { cases } from "./cases.ts";
import { inState } from "./differences.ts";
import { staticCases } from "./static-cases.ts";
import { testComparison } from "./tests.ts";

/**
 * host-local makes the same by itself, and nothing where it refuses, static nothing at all; isDefaultGateway makes what
 * isGateway does, and more.
 */
const making = [...cases, ...staticCases].filter(
  ({ program, title, isOfDelegate }) =>
    !["host-local", "static"].includes(program) && !isOfDelegate && !title.endsWith(", isGateway"),
);

testComparison({
  title: "both make the same",
  cases: making,
  compare: compareStates,
  intended: inState,
});
