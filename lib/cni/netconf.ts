/** What every interface plugin's configuration has: the keys of the specification itself. */

import { isObject, type Json, type JsonObject } from "./json.ts";
import type { Dns } from "./result.ts";

/** The common part of a checked configuration. */
export interface NetConf {
  /** `ipam.type`, or "" for an attachment without addresses. */
  readonly ipamType: string;
  /** `dns`, if any member was given: it replaces what IPAM says. */
  readonly dns: Dns | undefined;
}

/** The common part, from a configuration the schema has accepted. */
export function parseNetConf(config: JsonObject): NetConf {
  return { ipamType: textAt(config, "ipam", "type") ?? "", dns: parseDns(config.dns) };
}

/** dns counts as given if any member is there; an empty list is, an empty domain is not. */
function parseDns(dns: Json | undefined): Dns | undefined {
  if (!isObject(dns)) return undefined;
  const given = Object.entries(dns).some(
    ([key, value]) => value !== null && (key !== "domain" || value !== ""),
  );
  return given ? (dns as Dns) : undefined;
}

/** The value under a path of keys; undefined if there is none. */
export function valueAt(config: JsonObject, ...path: readonly string[]): Json | undefined {
  return followed(config, path);
}

function followed(config: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = config;
  for (const key of path) value = isObject(value) ? value[key] : undefined;
  return value ?? undefined;
}

/** The text under a path of keys. */
export function textAt(config: JsonObject, ...path: readonly string[]): string | undefined {
  const value = followed(config, path);
  return typeof value === "string" ? value : undefined;
}

/** The text under a path of keys; an empty one counts as none. */
export function givenAt(config: JsonObject, ...path: readonly string[]): string | undefined {
  const value = followed(config, path);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The number under a path of keys. */
export function numberAt(config: JsonObject, ...path: readonly string[]): number | undefined {
  const value = followed(config, path);
  return typeof value === "number" ? value : undefined;
}

/** True if the value under a path of keys is true. */
export function flagAt(config: JsonObject, ...path: readonly string[]): boolean {
  return followed(config, path) === true;
}

/** The list under a path of keys; empty if there is none. */
export function listAt(config: JsonObject, ...path: readonly string[]): readonly Json[] {
  const value = followed(config, path);
  return Array.isArray(value) ? value : [];
}
