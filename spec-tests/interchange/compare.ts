/** Two things side by side: every leaf in which they differ, and why that is intended. */

import type { Told } from "./attach.ts";
import type { Difference } from "./difference.ts";

/** One leaf in which the two sides differ. */
export interface Found {
  /** Where it is: the title of the case, and what of it is looked at. */
  readonly where: string;
  readonly path: string;
  /** JSON texts; `nothing` where there is none. */
  readonly theirs: string;
  readonly ours: string;
}

/** Every leaf in which two JSON values differ. */
export function differences(where: string, theirs: unknown, ours: unknown): readonly Found[] {
  const [a, b] = [leaves(theirs), leaves(ours)];
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((path) => {
    const found = { theirs: a.get(path) ?? "nothing", ours: b.get(path) ?? "nothing" };
    return found.theirs === found.ours ? [] : [{ where, path, ...found }];
  });
}

/** Every leaf by its path, such as `ips[0].address`; an empty object or list is a leaf, too. */
function leaves(value: unknown, path = ""): ReadonlyMap<string, string> {
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) {
    return new Map(value === undefined ? [] : [[path, JSON.stringify(value)]]);
  }
  const isList = Array.isArray(value);
  const inner = Object.entries(value).flatMap(([key, item]) => {
    const name = isList ? `[${key}]` : path === "" ? key : `.${key}`;
    return [...leaves(item, `${path}${name}`)];
  });
  return new Map(inner);
}

/** Every difference in what the commands of an attachment printed. */
export function toldDifferences(where: string, theirs: Told, ours: Told): readonly Found[] {
  return (["add", "check", "del"] as const).flatMap((command) => {
    const [a, b] = [theirs[command], ours[command]];
    if (!a || !b) return []; // the ADD before it has failed, which is a difference already
    if ("result" in a === "result" in b) {
      return differences(where, { [command]: a }, { [command]: b });
    }
    return [{ where, path: command, theirs: summary(a), ours: summary(b) }];
  });
}

/** An answer in a line: `succeeds`, or `fails with 7: …`. */
function summary(answer: Told["add"] & object): string {
  if ("result" in answer) return "succeeds";
  const { code, msg } = answer.error as { readonly code?: number; readonly msg?: string };
  return code === undefined ? JSON.stringify(answer.error) : `fails with ${code}: ${msg}`;
}

/** The intended difference that a found one is; undefined if it is none. */
export function reasonFor(found: Found, intended: readonly Difference[]): Difference | undefined {
  return intended.find(
    ({ path, theirs, ours, where }) =>
      path.test(found.path) &&
      (theirs?.test(found.theirs) ?? true) &&
      (ours?.test(found.ours) ?? true) &&
      (where?.test(found.where) ?? true),
  );
}

/** A found difference as one line. */
export function describeFound({ where, path, theirs, ours }: Found): string {
  return `${where}: ${path}: theirs ${theirs}, ours ${ours}`;
}
