/** Keys of a configuration that nobody knows: at run time they are ignored, here they are named. */

import type { Configuration } from "../../lib/cni/run.ts";
import { nearest } from "./nearest.ts";

type Keys = Configuration["keys"];

/**
 * A sentence for every key below `value` that none of the trees knows. What a tree knows without
 * saying what is inside may hold anything.
 */
export function unknownKeys(value: unknown, trees: readonly Keys[], path = ""): readonly string[] {
  if (Array.isArray(value)) {
    const elements = trees.flatMap((keys) => inside(keys["*"]));
    return value.flatMap((item, i) => unknownKeys(item, elements, `${path}[${i}]`));
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const here = path === "" ? key : `${path}.${key}`;
    const known = trees.flatMap((keys) => knownAs(keys, key));
    if (known.length === 0) return [unknownKey(here, key, trees)];
    const below = known.flatMap(inside);
    return below.length < known.length ? [] : unknownKeys(member, below, here);
  });
}

function inside(entry: Keys[string] | undefined): readonly Keys[] {
  return entry?.[1] ? [entry[1]] : [];
}

function knownAs(keys: Keys, key: string): readonly Keys[string][] {
  const lower = key.toLowerCase();
  const found = Object.hasOwn(keys, lower) ? keys[lower] : undefined;
  return found ? [found] : [];
}

function unknownKey(path: string, key: string, trees: readonly Keys[]): string {
  const spellings = trees.flatMap((keys) => Object.values(keys).map(([spelling]) => spelling));
  const meant = nearest(key, spellings);
  return `unknown key "${path}"${meant === undefined ? "" : `, did you mean "${meant}"?`}`;
}
