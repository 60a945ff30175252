/** The tests of a comparison: each case differs only as intended, and each intention occurs. */

import { describe, expect } from "vitest";
import { needs } from "../bed/kernel.ts";
import type { Case } from "./cases.ts";
import { describeFound, type Found, reasonFor } from "./compare.ts";
import type { Difference } from "./differences.ts";

const it = needs("reference plugins");

type Compare = (row: Case) => Promise<readonly Found[]>;

/** What is compared, how, and what may come of it. */
export interface Comparison {
  readonly title: string;
  readonly cases: readonly Case[];
  readonly compare: Compare;
  readonly intended: readonly Difference[];
}

/** Declares the tests of a comparison. */
export function testComparison({ title, cases, compare, intended }: Comparison): void {
  const differencesIn = onceForEach(cases, compare);

  describe(title, () => {
    describe.concurrent("but for what is intended", () => {
      for (const row of cases) {
        it(row.title, async () => {
          const found = await differencesIn(row);
          const other = found.filter((one) => !reasonFor(one, intended));
          expect(other.map(describeFound)).toEqual([]);
        });
      }
    });

    it("and every intended difference is there", async () => {
      const reasons = new Set<Difference | undefined>();
      for (const row of cases) {
        for (const found of await differencesIn(row)) reasons.add(reasonFor(found, intended));
      }
      const unused = intended.filter((difference) => !reasons.has(difference));
      if (!process.env.PEER) expect(unused.map(({ why }) => why)).toEqual([]);
    });
  });
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
