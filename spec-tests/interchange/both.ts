/** A case on both sides at the same time, and how the two differ. */

import { commonVersions, type Side } from "../bed/sides.ts";
import { add, attach, onSite, type Told, versionsOf } from "./attach.ts";
import type { Case } from "./cases.ts";
import { type Found, toldDifferences } from "./compare.ts";
import { comparable, type State, stateDifferences } from "./state.ts";

/** What differs in what is printed, in every version. */
export async function compareOutcomes(row: Case): Promise<readonly Found[]> {
  const [theirs, ours] = await Promise.all([toldBy(row, "theirs"), toldBy(row, "ours")]);
  return versionsOf(row).flatMap((version, i) =>
    toldDifferences(`${row.title}, version ${version}`, theirs[i] ?? {}, ours[i] ?? {}),
  );
}

/** One attachment after the other, all in one network. */
function toldBy(row: Case, side: Side): Promise<readonly Told[]> {
  return onSite(row, side, async (site) => {
    const all: Told[] = [];
    for (const version of versionsOf(row)) all.push(await attach(site, row, version));
    return all;
  });
}

/** What differs in what ADD makes; where only one side succeeds there is nothing to compare. */
export async function compareStates(row: Case): Promise<readonly Found[]> {
  const [theirs, ours] = await Promise.all([madeBy(row, "theirs"), madeBy(row, "ours")]);
  if (theirs.ok !== ours.ok) return [];
  const outcome = theirs.ok ? "" : ", which fails";
  return stateDifferences(`${row.title}${outcome}`, theirs.state, ours.state);
}

interface Made {
  readonly ok: boolean;
  readonly state: State;
}

function madeBy(row: Case, side: Side): Promise<Made> {
  return onSite(row, side, async (site) => {
    const ok = await add(site, row, commonVersions.at(-1) ?? "");
    return { ok, state: comparable(site.bed.snapshot()) };
  });
}
