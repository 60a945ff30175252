/**
 * Long lists of which each run takes a part, another one each day; the run says at its end which.
 *
 *   WEFT_PART=2/4         this part of the faults, whatever the day
 *   WEFT_PART=1/1         all of them, as `make test-all` does
 *   WEFT_HOSTILE=20783    the hostile input of this seed
 *   WEFT_HOSTILE=all      all that is listed, and much more that is made up, as `make test-all` does
 */

/** How many days it takes to come round. */
const PARTS = 4;
const DAY = 86_400_000;
const today = Math.floor(Date.now() / DAY);

/** `2/4`, the part of today, unless another is asked for. */
export function partOfToday(): string {
  return process.env.WEFT_PART ?? `${1 + (today % PARTS)}/${PARTS}`;
}

/** The part of a list that this run takes: every fourth of it, or whatever is asked for. */
export function partOf<T>(items: readonly T[]): readonly T[] {
  const [part = 0, parts = 0] = partOfToday().split("/").map(Number);
  if (!(part >= 1 && part <= parts)) throw new Error(`Cannot take part ${partOfToday()}`);
  return items.filter((_, i) => i % parts === part - 1);
}

/** The seed of today's hostile input, unless another is asked for; or `all`. */
export function seedOfToday(): string {
  const seed = process.env.WEFT_HOSTILE ?? `${today}`;
  if (!/^(\d+|all)$/.test(seed)) throw new Error(`Cannot take the hostile input of "${seed}"`);
  return seed;
}

/** Whether all hostile input is asked for. */
export function isThorough(): boolean {
  return seedOfToday() === "all";
}

/** The seed as a number. */
export function seed(): number {
  return isThorough() ? 0 : Number(seedOfToday());
}

/**
 * About so many items of a list, the next ones with the next seed, until all had their turn; `turn`
 * lets lists that are alike take different ones.
 */
export function someOf<T>(items: readonly T[], count: number, turn = 0): readonly T[] {
  const step = isThorough() ? 1 : Math.max(1, Math.ceil(items.length / count));
  return items.filter((_, i) => (i + turn + seed()) % step === 0);
}
