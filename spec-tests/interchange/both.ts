/** A case on both sides at the same time, and how the two differ. */

import { commonVersions, type Reference, type Side } from "../bed/sides.ts";
import { add, end, onSite, type Told, versionsOf } from "./attach.ts";
import type { Case } from "./cases.ts";
import { type Found, toldDifferences } from "./compare.ts";
import { comparable, type State, stateDifferences } from "./state.ts";

/** What differs in what is printed, in every version. */
export async function compareOutcomes(row: Case): Promise<readonly Found[]> {
  const versions = versionsOf(row, "theirs");
  const [theirs, ours] = await Promise.all([
    toldBy(row, "theirs", versions),
    toldBy(row, "ours", versions),
  ]);
  return toldInVersions(row, versions, [theirs, ours]);
}

/** One attachment after the other, all in one network. */
function toldBy(row: Case, side: Side, versions: readonly string[]): Promise<readonly Told[]> {
  return onSite(row, side, async (site) => {
    const all: Told[] = [];
    for (const version of versions) all.push(await end(site, row, await add(site, row, version)));
    return all;
  });
}

function toldInVersions(
  { title }: Case,
  versions: readonly string[],
  [theirs, ours]: readonly [readonly Told[], readonly Told[]],
): readonly Found[] {
  return versions.flatMap((version, i) =>
    toldDifferences(`${title}, version ${version}`, theirs[i] ?? {}, ours[i] ?? {}),
  );
}

/** What differs in what ADD makes; where only one side succeeds there is nothing to compare. */
export async function compareStates(row: Case): Promise<readonly Found[]> {
  const [theirs, ours] = await Promise.all([madeBy(row, "theirs"), madeBy(row, "ours")]);
  return madeDifferences(row, theirs, ours);
}

/** What ADD has made, and whether it succeeded. */
interface Made {
  readonly ok: boolean;
  readonly state: State;
}

function madeDifferences({ title }: Case, theirs: Made, ours: Made): readonly Found[] {
  if (theirs.ok !== ours.ok) return [];
  const outcome = theirs.ok ? "" : ", which fails";
  return stateDifferences(`${title}${outcome}`, theirs.state, ours.state);
}

function madeBy(row: Case, side: Side): Promise<Made> {
  return onSite(row, side, async (site) => {
    const { ended } = await add(site, row, commonVersions.at(-1) ?? "");
    return { ok: ended.ok, state: comparable(site.bed.snapshot()) };
  });
}

/** What differs in both, on one machine a side: ADD of the newest version comes first, and is looked at. */
export function compareBoth(reference: Reference): (row: Case) => Promise<readonly Found[]> {
  return async (row) => {
    const versions = versionsOf(row, reference).toReversed();
    const [theirs, ours] = await Promise.all([
      attachedBy(row, reference, versions),
      attachedBy(row, "ours", versions),
    ]);
    return [
      ...toldInVersions(row, versions, [theirs.told, ours.told]),
      ...madeDifferences(row, theirs.made, ours.made),
    ];
  };
}

interface Attached {
  readonly told: readonly Told[];
  readonly made: Made;
}

function attachedBy(row: Case, side: Side, versions: readonly string[]): Promise<Attached> {
  return onSite(row, side, async (site) => {
    const [newest = "", ...older] = versions;
    const added = await add(site, row, newest);
    const made = { ok: added.ended.ok, state: comparable(site.bed.snapshot()) };
    const told = [await end(site, row, added)];
    for (const version of older) told.push(await end(site, row, await add(site, row, version)));
    return { told, made };
  });
}
