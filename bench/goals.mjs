// @ts-check
// The figures to reach.

/**
 * @typedef {import("./scenarios.mjs").Row} Row
 * `atMost` is a ratio, or a number in the row's own unit if `against` is "limit".
 * @typedef {{
 *   readonly row: string,
 *   readonly against: "reference" | "floor" | "limit" | `ours:${string}`,
 *   readonly atMost: number,
 * }} Goal
 * @typedef {Goal & { readonly value: number, readonly isReached: boolean }} Verdict
 */

/** @type {readonly Goal[]} */
const goals = [
  { row: "version", against: "reference", atMost: 0.5 },
  { row: "bridge-add-plain", against: "reference", atMost: 0.35 },
  { row: "bridge-add-plain", against: "floor", atMost: 2.5 },
  { row: "bridge-add-masquerade", against: "reference", atMost: 0.15 },
  { row: "bridge-del-masquerade", against: "reference", atMost: 0.4 },
  { row: "ptp-add", against: "reference", atMost: 0.35 },
  { row: "macvlan-add", against: "reference", atMost: 0.4 },
  { row: "host-local-add-30000", against: "reference", atMost: 0.02 },
  { row: "host-local-add-30000", against: "ours:host-local-add-0", atMost: 1.5 },
  { row: "host-local-del-30000", against: "reference", atMost: 0.02 },
  { row: "host-local-del-30000", against: "ours:host-local-del-0", atMost: 1.5 },
  { row: "at-once-add", against: "reference", atMost: 0.3 },
  { row: "chain-add", against: "reference", atMost: 0.15 },
  { row: "chain-del", against: "reference", atMost: 0.3 },
  { row: "chain-add-500", against: "ours:chain-add", atMost: 1.3 },
  { row: "instructions-bridge-add", against: "limit", atMost: 2_600_000 },
  { row: "memory-plain", against: "limit", atMost: 3_000_000 },
  { row: "memory-masquerade", against: "limit", atMost: 3_000_000 },
  { row: "size", against: "limit", atMost: 3_400_000 },
];

/**
 * Our median by the median of the one it is compared with.
 * @param {Row} row
 * @param {"reference" | "floor"} subject
 */
export function ratio({ figures }, subject) {
  const [ours, other] = [figures.ours, figures[subject]];
  return ours && other ? ours.median / other.median : undefined;
}

/**
 * The goals of a row, as far as what they compare with was measured. Where runs are counted that
 * failed, none may have.
 * @param {Row} row
 * @param {readonly Row[]} rows
 * @returns {Verdict[]}
 */
export function judge(row, rows) {
  return goals
    .filter((goal) => goal.row === row.id)
    .flatMap((goal) => {
      const value = compare(goal, row, rows);
      const isReached = value !== undefined && value <= goal.atMost && !row.failed?.ours;
      return value === undefined ? [] : [{ ...goal, value, isReached }];
    });
}

/**
 * @param {Goal} goal
 * @param {Row} row
 * @param {readonly Row[]} rows
 */
function compare({ against }, row, rows) {
  if (against === "limit") return row.figures.ours?.median;
  if (against === "reference" || against === "floor") return ratio(row, against);
  const other = rows.find(({ id }) => `ours:${id}` === against)?.figures.ours;
  return row.figures.ours && other ? row.figures.ours.median / other.median : undefined;
}
