/** Checking network configurations as the plugins of this image would read them. */

import * as host from "host";
import { commonKeys } from "../../lib/cni/config.ts";
import { CniError } from "../../lib/cni/error.ts";
import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import type { Program } from "../../lib/cni/run.ts";

type KeySpellings = Program["configuration"]["keys"];

/** What a person should know of a configuration: errors keep it from working, warnings may not. */
export interface Findings {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** Checks the text of a network configuration or a list of them; undefined is no UTF-8. */
export function validateText(text: string | undefined): Findings {
  if (text === undefined) return { errors: ["it is not UTF-8"], warnings: [] };
  try {
    const json: unknown = JSON.parse(text);
    if (!isObject(json)) return { errors: ["it is not a JSON object"], warnings: [] };
    return validateNetwork(json);
  } catch (cause) {
    return { errors: [cause instanceof Error ? cause.message : String(cause)], warnings: [] };
  }
}

function validateNetwork(network: JsonObject): Findings {
  const { plugins, name, cniVersion } = network;
  if (plugins === undefined) return merge([validatePlugin(network, "")]);
  if (!Array.isArray(plugins)) return { errors: ["plugins must be a list"], warnings: [] };
  const list: readonly Json[] = plugins;
  return merge(
    list.map((plugin, i) => {
      if (!isObject(plugin)) return { errors: [`plugins[${i}] must be an object`], warnings: [] };
      const own = { ...plugin, name: name ?? "", cniVersion: cniVersion ?? "" };
      return validatePlugin(own, `plugins[${i}].`);
    }),
  );
}

function merge(findings: readonly Findings[]): Findings {
  return {
    errors: findings.flatMap(({ errors }) => errors),
    warnings: findings.flatMap(({ warnings }) => warnings),
  };
}

/** A plugin and its IPAM plugin, each by what it says of itself. */
function validatePlugin(config: JsonObject, path: string): Findings {
  const type = config.type;
  if (typeof type !== "string" || type === "") {
    return { errors: [`${path}type must name a plugin`], warnings: [] };
  }
  const names = [type];
  const { ipam } = config;
  if (isObject(ipam) && typeof ipam.type === "string" && ipam.type !== type) names.push(ipam.type);
  const known = names.filter((name) => isPlugin(name));
  const foreign = names.filter((name) => !isPlugin(name));
  const trees = [commonKeys, ...known.map((name) => programOf(name).configuration.keys)];
  return {
    errors: known.flatMap((name) => errorsOf(config, name, path)),
    warnings: [
      ...foreign.map((name) => `${path}type "${name}" is no plugin of this suite: not checked`),
      ...(foreign.length > 0 ? [] : unknownKeys(config, trees, path)),
    ],
  };
}

function isPlugin(name: string): boolean {
  return name !== "weft" && host.commands().includes(name);
}

function programOf(name: string): Program {
  return host.load(name) as Program;
}

function errorsOf(config: JsonObject, name: string, path: string): string[] {
  try {
    programOf(name).configuration.check(config);
    return [];
  } catch (cause) {
    return [`${path}${name}: ${CniError.from(cause).message}`];
  }
}

/** Keys no plugin knows are ignored when it runs; here they are named, as they may be typos. */
function unknownKeys(
  object: JsonObject,
  trees: readonly KeySpellings[],
  path: string,
): readonly string[] {
  return Object.entries(object).flatMap(([key, value]) => {
    const found = trees.flatMap((tree) => {
      const entry = tree[key.toLowerCase()];
      return entry ? [entry] : [];
    });
    if (found.length === 0) return isFree(key) ? [] : [unknownKey(key, trees, path)];
    const below = found.flatMap(([, tree]) => (tree ? [tree] : []));
    return below.length > 0 ? unknownBelow(value, below, `${path}${key}`) : [];
  });
}

/** What belongs to the runtime or to other plugins may hold anything. */
function isFree(key: string): boolean {
  return key === "prevResult" || key === "capabilities" || key.startsWith("cni.dev/");
}

function unknownBelow(
  value: Json | undefined,
  trees: readonly KeySpellings[],
  path: string,
): readonly string[] {
  if (Array.isArray(value)) {
    const elements = trees.flatMap((tree) => {
      const below = tree["*"]?.[1];
      return below ? [below] : [];
    });
    const list: readonly Json[] = value;
    return list.flatMap((item, i) => unknownBelow(item, elements, `${path}[${i}]`));
  }
  if (!isObject(value) || /(^|\.)(args|runtimeConfig)$/.test(path)) return [];
  return unknownKeys(value, trees, `${path}.`);
}

function unknownKey(key: string, trees: readonly KeySpellings[], path: string): string {
  const candidates = trees.flatMap((tree) => Object.values(tree).map(([spelling]) => spelling));
  const nearest = candidates
    .map((name) => ({ name, distance: distance(name.toLowerCase(), key.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const isNear = nearest && nearest.distance <= Math.max(1, key.length / 3);
  return `${path}${key} is not known${isNear ? `; did you mean "${nearest.name}"?` : ""}`;
}

/** How many letters have to be changed, added or left out (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
