/** From JSON to a checked configuration: key spellings, the schema's verdict, words for it. */

import type { KeySpellings } from "*.schema.json";
import { type CniError, configError } from "./error.ts";
import { isGiven, isObject, type Json, type JsonObject } from "./json.ts";

/** What the build makes of a JSON Schema (native/schema.d.ts). */
export interface Schema {
  readonly validate: {
    (value: unknown): boolean;
    errors?: readonly SchemaFault[] | null;
  };
  readonly keys: KeySpellings;
}

interface SchemaFault {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: { readonly [name: string]: unknown };
}

/** Keys of the specification that every plugin knows; without prototypes, as a schema's (tools/schema.mjs). */
export const commonKeys: KeySpellings = bare({
  cniversion: ["cniVersion"],
  name: ["name"],
  type: ["type"],
  prevresult: ["prevResult"],
  capabilities: ["capabilities"],
  runtimeconfig: ["runtimeConfig"],
  ipam: ["ipam", bare({ type: ["type"] })],
  "cni.dev/valid-attachments": ["cni.dev/valid-attachments", attachments()],
  "cni.dev/attachments": ["cni.dev/attachments", attachments()],
});

function attachments(): KeySpellings {
  return bare({ "*": ["*", bare({ containerid: ["containerID"], ifname: ["ifname"] })] });
}

function bare(keys: KeySpellings): KeySpellings {
  return Object.assign(Object.create(null), keys);
}

/**
 * The configuration with its keys as the specification spells them. Runtimes send `HostPort` for
 * `hostPort`: keys match whatever their case, the exact one wins, and null counts as absent.
 */
export function spelled(config: JsonObject, keys: KeySpellings): JsonObject {
  return respell(config, keys, commonKeys);
}

/** The value of one key of the specification, by the same rule. */
export function memberOf(config: JsonObject, key: string): Json | undefined {
  return config[key] ?? spelled(config, noKeys)[key];
}

/** Keys of the plugin's schema come first: theirs may say more of what lies below. */
function respell(object: JsonObject, keys: KeySpellings, more = noKeys): JsonObject {
  const result: { [key: string]: Json | undefined } = {};
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (value === null || value === undefined || key === "__proto__") continue;
    const lower = key.toLowerCase();
    const known = keys[lower] ?? more[lower];
    if (!known) {
      result[key] = value;
      continue;
    }
    const spelling = known[0];
    const below = known[1];
    if (spelling !== key && isGiven(object[spelling])) continue;
    result[spelling] = below && typeof value === "object" ? respellValue(value, below) : value;
  }
  return result;
}

const noKeys = bare({});

function respellValue(value: Json, keys: KeySpellings): Json {
  const element = keys["*"]?.[1];
  if (Array.isArray(value)) {
    return element ? value.map((item: Json) => respellValue(item, element)) : value;
  }
  return isObject(value) ? respell(value, keys) : value;
}

/** Throws code 7 for a configuration that the schema does not allow. */
export function requireValid(config: JsonObject, schema: Schema): void {
  if (!schema.validate(config)) throw faultError(config, schema.validate.errors?.[0]);
}

/**
 * The configuration without what the schema does not allow: DEL and GC must do their work whatever
 * became of the configuration since ADD.
 */
export function withoutFaults(config: JsonObject, schema: Schema): JsonObject {
  let rest = config;
  for (let i = 0; i < 64 && !schema.validate(rest); i++) {
    rest = without(rest, pathOf(schema.validate.errors?.[0]?.instancePath ?? ""));
  }
  return rest;
}

function without(value: JsonObject, path: readonly string[]): JsonObject {
  const [key = "", ...below] = path;
  const copy: { [key: string]: Json | undefined } = { ...value };
  const child = copy[key];
  if (below.length > 0 && isObject(child)) copy[key] = without(child, below);
  else delete copy[key];
  return copy;
}

/** A JSON pointer (RFC 6901) as a list of keys. */
function pathOf(pointer: string): readonly string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((key) => key.replace(/~1/g, "/").replace(/~0/g, "~"));
}

/** `ipam.ranges[0].subnet` from its keys. */
function pathText(path: readonly string[]): string {
  return path
    .map((key, i) => (/^\d+$/.test(key) ? `[${key}]` : i === 0 ? key : `.${key}`))
    .join("");
}

function faultError(config: JsonObject, fault: SchemaFault | undefined): CniError {
  const path = pathOf(fault?.instancePath ?? "");
  const params = fault?.params ?? {};
  if (fault?.keyword === "required") {
    const missing = [...path, String(params.missingProperty)];
    return configError(pathText(missing), "given", undefined);
  }
  const found = path.reduce<Json | undefined>((value, key) => childOf(value, key), config);
  return configError(pathText(path), expectation(fault), found);
}

function childOf(value: Json | undefined, key: string): Json | undefined {
  if (Array.isArray(value)) return value[Number(key)];
  return isObject(value) ? value[key] : undefined;
}

/** What a JSON Schema keyword demands, in words. */
function expectation(fault: SchemaFault | undefined): string {
  const params = fault?.params ?? {};
  switch (fault?.keyword) {
    case "type":
      return typeWords(params.type);
    case "enum":
      return `one of ${(params.allowedValues as readonly string[]).map((v) => `"${v}"`).join(", ")}`;
    case "const":
      return JSON.stringify(params.allowedValue);
    case "minimum":
    case "maximum":
      return `${params.comparison} ${params.limit}`
        .replace(">=", "at least")
        .replace("<=", "at most");
    case "minItems":
      return `a list of at least ${params.limit}`;
    case "minLength":
      return "a text that is not empty";
    case "maxLength":
      return `a text of at most ${params.limit} characters`;
    case "pattern":
      return `a text like ${params.pattern}`;
    default:
      return `valid (${fault?.keyword})`;
  }
}

function typeWords(type: unknown): string {
  const words: { readonly [type: string]: string } = {
    string: "a text",
    integer: "a whole number",
    number: "a number",
    boolean: "true or false",
    object: "an object",
    array: "a list",
  };
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  return types.map((name) => words[String(name)] ?? String(name)).join(" or ");
}
