/** What both sides print for the same attachments, field by field, in every version. */
import { expect, it } from "vitest";
import type { Side } from "./bed/sides.ts";
import { attach, onSite, type Told, versionsOf } from "./interchange/attach.ts";
import { type Case, cases } from "./interchange/cases.ts";
import { type Found, toldDifferences } from "./interchange/compare.ts";
import { inOutcomes } from "./interchange/differences.ts";
import { testComparison } from "./interchange/tests.ts";

testComparison({ title: "both print the same", cases, compare, intended: inOutcomes });

async function compare(row: Case): Promise<readonly Found[]> {
  const [theirs, ours] = await Promise.all([attachAll(row, "theirs"), attachAll(row, "ours")]);
  return versionsOf(row).flatMap((version, i) =>
    toldDifferences(`${row.title}, version ${version}`, theirs[i] ?? {}, ours[i] ?? {}),
  );
}

/** One attachment after the other, all in one network. */
function attachAll(row: Case, side: Side): Promise<readonly Told[]> {
  return onSite(row, side, async (site) => {
    const all: Told[] = [];
    for (const version of versionsOf(row)) all.push(await attach(site, row, version));
    return all;
  });
}

it("the table has cases enough, and no two of one name", () => {
  expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
  expect(cases.length).toBeGreaterThan(150);
});
