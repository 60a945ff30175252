/**
 * Long lists of which each run takes a part: one day the first third, the next day the second.
 *
 *   WEFT_PART=2/3    this part, whatever the day: as the run that failed says at its end
 *   WEFT_PART=1/1    all of it, as `make test-all` does
 */

/** How many days it takes to come round. */
const PARTS = 3;
const DAY = 86_400_000;

/** `2/3`, the part of today, unless another is asked for. */
export function partOfToday(): string {
  return process.env.WEFT_PART ?? `${1 + (Math.floor(Date.now() / DAY) % PARTS)}/${PARTS}`;
}

/** The part of a list that this run takes: every third of it. */
export function partOf<T>(items: readonly T[]): readonly T[] {
  const [part = 0, parts = 0] = partOfToday().split("/").map(Number);
  if (!(part >= 1 && part <= parts)) throw new Error(`Cannot take part ${partOfToday()}`);
  return items.filter((_, i) => i % parts === part - 1);
}
