/** What both sides make for the same attachments: links, addresses, routes, rules and files. */
import { commonVersions, type Side } from "./bed/sides.ts";
import { onSite, run } from "./interchange/attach.ts";
import { type Case, cases } from "./interchange/cases.ts";
import type { Found } from "./interchange/compare.ts";
import { inState } from "./interchange/differences.ts";
import { comparable, type State, stateDifferences } from "./interchange/state.ts";
import { testComparison } from "./interchange/tests.ts";

const version = commonVersions.at(-1) ?? "";

/** host-local makes the same by itself, and isDefaultGateway makes what isGateway does, and more. */
const making = cases.filter(
  ({ program, title }) => program !== "host-local" && !title.endsWith(", isGateway"),
);

testComparison({ title: "both make the same", cases: making, compare, intended: inState });

/** Where only one side succeeds there is nothing to compare. */
async function compare(row: Case): Promise<readonly Found[]> {
  const [theirs, ours] = await Promise.all([madeBy(row, "theirs"), madeBy(row, "ours")]);
  if (theirs.ok !== ours.ok) return [];
  const outcome = theirs.ok ? "" : ", which fails";
  return stateDifferences(`${row.title}${outcome}`, theirs.state, ours.state);
}

function madeBy(row: Case, side: Side): Promise<Made> {
  return onSite(row, side, async (site) => {
    const { ok } = await run(site, row, { command: "ADD", version });
    return { ok, state: comparable(site.bed.snapshot()) };
  });
}

interface Made {
  readonly ok: boolean;
  readonly state: State;
}
