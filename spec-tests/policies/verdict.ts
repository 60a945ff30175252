/** What is let through of the ways of world.ts: what has to be, and whether it is. */

import type { Bed } from "../bed/bed.ts";
import { Patience } from "../bed/patience.ts";
import { addressesOf, reach, type Sign, type Way, wayText } from "../bed/reach.ts";
import { letsThrough, type Objects } from "./slow-evaluator.ts";
import type { World } from "./world.ts";

/** Whether a way is between a host and a pod on it: that is never judged. */
export function isOwnHost({ hosts, members }: World, { from, to }: Way): boolean {
  const podHost = (end: Way["from"]) => members.find((each) => each === end)?.host;
  const host = (end: Way["from"]) => hosts.find(({ name }) => name === end.name);
  const isBetween = (one: Way["from"], other: Way["from"]) =>
    host(one) !== undefined && host(one) === podHost(other);
  return isBetween(from, to) || isBetween(to, from);
}

/** Whether all hosts let a way through, by another evaluator of the same objects. */
export function isLet(world: World, objects: Objects, way: Way): boolean {
  if (isOwnHost(world, way)) return true;
  const { protocol, port } = way;
  const packet = { ...addressesOf(way), protocol, port };
  return world.hosts.every(({ name }) => letsThrough(objects, packet, name));
}

/** What is otherwise than it has to be: what came against a policy, and what did not come. */
export interface Differences {
  readonly leaked: readonly string[];
  readonly missing: readonly string[];
}

export const NONE: Differences = { leaked: [], missing: [] };

function differences(
  ways: readonly Way[],
  signs: readonly Sign[],
  isAllowed: readonly boolean[],
): Differences {
  const all = ways.map((way, i) => ({ way, sign: signs[i] ?? "-", is: isAllowed[i] ?? false }));
  const words = (some: typeof all) => some.map(({ way, sign }) => `${sign} ${wayText(way)}`);
  return {
    leaked: words(all.filter(({ sign, is }) => !is && sign !== "-")),
    missing: words(all.filter(({ sign, is }) => is && sign !== "+")),
  };
}

/**
 * Asks for all ways, and compares. What came against a policy is told at once. What did not come is asked for
 * again for a while: on a busy machine an address may have to be resolved once more.
 */
export function judged(
  bed: Bed,
  world: World,
  isAllowed: (way: Way) => boolean,
  ways: () => readonly Way[] = () => world.ways(),
): Differences {
  const patience = new Patience(5_000);
  const verdicts = ways().map(isAllowed);
  for (;;) {
    const asked = ways();
    const found = differences(asked, reach(bed, asked), verdicts);
    if (found.leaked.length > 0 || found.missing.length === 0 || !patience.lasts()) return found;
  }
}
