/** "Did you mean": the known word that a mistyped one comes closest to. */

/** The nearest of `words`, if it is near enough to be meant; case does not count. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3));
  const ranked = words
    .map((candidate) => ({ candidate, steps: distance(word, candidate) }))
    .filter(({ steps }) => steps <= limit)
    .sort((a, b) => a.steps - b.steps);
  return ranked[0]?.candidate;
}

/** How many letters must be put in, left out, replaced, or swapped with the next one. */
function distance(left: string, right: string): number {
  const [a, b] = [left.toLowerCase(), right.toLowerCase()];
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) row.push(cell({ a, b, rows, row }, i, j));
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}

interface Table {
  readonly a: string;
  readonly b: string;
  readonly rows: readonly (readonly number[])[];
  readonly row: readonly number[];
}

function cell({ a, b, rows, row }: Table, i: number, j: number): number {
  const above = rows[i - 1] ?? [];
  const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
  const best = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced);
  const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
  return isSwap ? Math.min(best, (rows[i - 2]?.[j - 2] ?? 0) + 1) : best;
}
