/** JSON as it is read: nothing is assumed of it. */

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** True if a value is a JSON object (no list, no null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** False for what is not there, and for null, which counts as absent wherever JSON is read. */
export function isGiven(value: Json | undefined): value is Exclude<Json, null> {
  return value !== undefined && value !== null;
}

/** Whether a text in a JSON text has a NUL: no path and no name of the kernel's can have one. */
export function hasNul(json: string): boolean {
  return json.includes("\\u0000") && /(?:^|[^\\])(?:\\\\)*\\u0000/.test(json);
}
