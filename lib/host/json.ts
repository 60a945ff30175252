/** JSON that people write: read, or refused with the place of the fault and its likely cause. */

import * as host from "host";
import { lazily } from "./lazy.ts";

/** A text that is no JSON: what is wrong with it, and where. */
export class JsonError extends Error {
  constructor(state: string) {
    super(state);
    this.name = "JsonError";
  }
}

/** The value a text says; throws JsonError. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const isTooDeep = cause instanceof Error && cause.message.startsWith("stack overflow");
    const other = isTooDeep ? "it is nested too deeply" : "it takes more memory than there is";
    throw new JsonError(faultOf(text) ?? other);
  }
}

/** Bytes as text; throws JsonError if they are not UTF-8. */
export function decodeJson(bytes: Uint8Array): string {
  const text = host.decode(bytes);
  if (text !== undefined) return text;
  throw new JsonError(faultOf(bytes) ?? "it is not UTF-8");
}

function faultOf(given: string | Uint8Array): string | undefined {
  return lazily<typeof import("./json-fault.lazy.ts")>("json-fault").jsonFault(given);
}
