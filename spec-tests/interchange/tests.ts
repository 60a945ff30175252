/** The tests of a comparison: each case differs only as intended, and each intention occurs. */

import { describe, expect } from "vitest";
import { type Feature, kernelHas, needs } from "../bed/kernel.ts";
import type { Reference } from "../bed/sides.ts";
import type { Case } from "./cases.ts";
import { describeFound, type Found, reasonFor } from "./compare.ts";
import type { Difference } from "./difference.ts";

type Compare = (row: Case) => Promise<readonly Found[]>;

/** What is compared, how, and what may come of it. */
export interface Comparison {
  readonly title: string;
  readonly cases: readonly Case[];
  readonly compare: Compare;
  readonly intended: readonly Difference[];
  /** The release that is compared with; this machine's own if not given. */
  readonly reference?: Reference;
}

const installed: Readonly<Record<Reference, Feature>> = {
  theirs: "reference plugins",
  "theirs 1.9.1": "reference plugins 1.9.1",
};

/** Declares the tests of a comparison. */
export function testComparison(comparison: Comparison): void {
  const { title, cases, compare, reference = "theirs" } = comparison;
  const intended = comparison.intended.filter((one) => isOf(one, reference));
  const differencesIn = onceForEach(cases, compare);
  const isHere = (row: Case) => row.needs === undefined || kernelHas(row.needs);
  const it = needs(installed[reference]);

  describe(title, () => {
    describe.concurrent("but for what is intended", () => {
      for (const row of cases) {
        const itWorks = row.needs === undefined || isHere(row) ? it : needs(row.needs);
        itWorks(row.title, async () => {
          const found = await differencesIn(row);
          const other = found.filter((one) => !reasonFor(one, intended));
          expect(other.map(describeFound)).toEqual([]);
        });
      }
    });

    it("and every intended difference is there", async () => {
      const reasons = new Set<Difference | undefined>();
      for (const row of cases.filter(isHere)) {
        for (const found of await differencesIn(row)) reasons.add(reasonFor(found, intended));
      }
      const elsewhere = cases.filter((row) => !isHere(row));
      const unused = intended.filter(
        (difference) => !reasons.has(difference) && !mayOccurIn(elsewhere, difference),
      );
      if (!isOfOther(reference)) expect(unused.map(({ why }) => why)).toEqual([]);
    });
  });
}

/** Whether an intended difference is one from this release. */
function isOf({ only }: Difference, reference: Reference): boolean {
  return only === undefined || only === reference;
}

/** True for a reason that may be needed on a kernel that can do more. */
function mayOccurIn(cases: readonly Case[], { where }: Difference): boolean {
  return where !== undefined && cases.some(({ title }) => where.test(title));
}

/** Whether somebody compares with another release than the differences are of. */
function isOfOther(reference: Reference): boolean {
  return (reference === "theirs" ? process.env.PEER : process.env.PEER_1_9_1) !== undefined;
}

/** Runs each case once, when it is first asked for, and never more than two at a time. */
function onceForEach(cases: readonly Case[], compare: Compare): Compare {
  const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
  const known = new Map<Case, Promise<readonly Found[]>>();
  return (row) => {
    const lane = cases.indexOf(row) % lanes.length;
    const found = known.get(row) ?? (lanes[lane] ?? Promise.resolve()).then(() => compare(row));
    if (!known.has(row)) lanes[lane] = found.catch(() => undefined);
    known.set(row, found);
    return found;
  };
}
