/** Keys of a configuration that nobody knows: at run time they are ignored, here they are named. */

import { tokensOf } from "../lib/cni/json-tokens.ts";
import { nearest } from "../lib/cni/nearest.ts";
import type { Configuration } from "../lib/cni/run.ts";
import { below, type Finding, warning } from "./findings.ts";

type Keys = Configuration["keys"];

/**
 * A warning for every key below `value` that none of the trees knows. What a tree knows without
 * saying what is inside may hold anything.
 */
export function unknownKeys(value: unknown, trees: readonly Keys[], path = ""): readonly Finding[] {
  if (Array.isArray(value)) {
    const elements = trees.flatMap((keys) => inside(keys["*"]));
    return value.flatMap((item, i) => unknownKeys(item, elements, `${path}[${i}]`));
  }
  if (typeof value !== "object" || value === null) return [];
  const all = Object.keys(value);
  return Object.entries(value).flatMap(([key, member]) => {
    const here = below(path, key);
    const known = trees.flatMap((keys) => knownAs(keys, key));
    const [spelling = key] = known[0] ?? [];
    if (known.length === 0) return [unknownKey(here, key, trees)];
    if (spelling !== key && all.includes(spelling)) {
      return [warning(here, `ignored, since "${spelling}" is given as well`)];
    }
    const children = known.flatMap(inside);
    return children.length < known.length ? [] : unknownKeys(member, children, here);
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

function unknownKey(path: string, key: string, trees: readonly Keys[]): Finding {
  const spellings = trees.flatMap((keys) => Object.values(keys).map(([spelling]) => spelling));
  const meant = nearest(key, spellings);
  return warning(path, `unknown key${meant === undefined ? "" : `, did you mean "${meant}"?`}`);
}

interface Open {
  readonly path: string;
  readonly isObject: boolean;
  readonly keys: Set<string>;
  key: string;
  index: number;
}

/** A warning for every key that an object of a JSON text has more than once. */
export function duplicateKeys(text: string): readonly Finding[] {
  const found: Finding[] = [];
  const open: Open[] = [];
  let last = "";
  for (const token of tokensOf(text)) {
    const inner = open.at(-1);
    if (token === "{" || token === "[") {
      const path = inner ? placeIn(inner) : "";
      open.push({ path, isObject: token === "{", keys: new Set(), key: "", index: 0 });
    } else if (token === "}" || token === "]") {
      open.pop();
    } else if (token === "," && inner) {
      inner.index++;
    } else if (token === ":" && inner) {
      inner.key = keyIn(last);
      if (inner.keys.has(inner.key)) {
        found.push(warning(placeIn(inner), "given more than once, the last one counts"));
      }
      inner.keys.add(inner.key);
    }
    last = token;
  }
  return found;
}

function placeIn({ path, isObject, key, index }: Open): string {
  return isObject ? below(path, key) : `${path}[${index}]`;
}

/** A string token as the key it says; one that was cut short is no key of anybody's. */
function keyIn(token: string): string {
  return token.endsWith('"') && token.length < 4096 ? (JSON.parse(token) as string) : token;
}
