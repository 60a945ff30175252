/** The keys of a JSON object as Go's decoder reads them: in any case, and null is no value. */

import { isObject, type JsonObject } from "../overlay/contract/host.ts";

/** What cannot be used of a network's configuration. */
export class NetworkConfigError extends Error {
  /** The key it is under, such as `Backend.VNI`; "" if it is the whole. */
  readonly path: string;
  readonly expected: string;
  readonly found: unknown;

  constructor(path: string, expected: string, found: unknown) {
    const what = path === "" ? "it" : path;
    super(`Cannot use the network's configuration: ${what} must be ${expected}${inWords(found)}`);
    this.name = "NetworkConfigError";
    this.path = path;
    this.expected = expected;
    this.found = found;
  }
}

function inWords(found: unknown): string {
  if (found === undefined) return ", and is missing";
  const text = JSON.stringify(found);
  return `, not ${text.length > 80 ? `${text.slice(0, 80)}…` : text}`;
}

/** The values of one object by their keys; what is not of the kind asked for is refused. */
export class Settings {
  readonly #values = new Map<string, unknown>();
  readonly #prefix: string;

  /** `prefix` comes before each key's name in errors: `Backend.`. */
  constructor(json: unknown, prefix = "") {
    this.#prefix = prefix;
    if (!isObject(json)) throw new NetworkConfigError(prefix.slice(0, -1), "a JSON object", json);
    this.#fill(json);
  }

  /** Of keys that differ in case only the last one counts. */
  #fill(json: JsonObject): void {
    for (const [key, value] of Object.entries(json)) {
      if (value !== null) this.#values.set(key.toLowerCase(), value);
    }
  }

  value(key: string): unknown {
    return this.#values.get(key.toLowerCase());
  }

  refuse(key: string, expected: string): never {
    throw new NetworkConfigError(`${this.#prefix}${key}`, expected, this.value(key));
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.value(key) ?? fallback;
    return typeof value === "boolean" ? value : this.refuse(key, "true or false");
  }

  /** A whole number; 0 and no value are undefined, as for flannel. */
  number(key: string, least: number, most: number): number | undefined {
    const value = this.value(key) ?? 0;
    if (value === 0) return undefined;
    const isFit = Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
    return isFit ? Number(value) : this.refuse(key, `a whole number from ${least} to ${most}`);
  }

  text(key: string): string | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === "string") return value;
    return this.refuse(key, "a text");
  }

  within(key: string): Settings {
    return new Settings(this.value(key), `${this.#prefix}${key}.`);
  }
}
