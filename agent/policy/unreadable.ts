/** Reading of objects of Kubernetes, with words for what cannot be read. */

import { isObject, type JsonObject } from "../../lib/overlay/contract/host.ts";

/** What keeps an object from being understood, in words. */
export class Unreadable extends Error {}

/** What is wrong with an object, as `take` says or by what it throws. */
export function faultIn(take: () => string | undefined): string | undefined {
  try {
    return take();
  } catch (cause) {
    if (!(cause instanceof Unreadable)) throw cause;
    return cause.message;
  }
}

/**
 * An object of JSON that has none but these members: what is not known here may narrow what is
 * allowed. Null members are as if they were missing. Throws Unreadable.
 */
export function objectIn(json: unknown, where: string, members: readonly string[]): JsonObject {
  if (!isObject(json)) throw new Unreadable(`${where} is no object`);
  const unknown = Object.keys(json).find((name) => !members.includes(name));
  if (unknown === undefined) return json;
  const name = JSON.stringify(unknown.slice(0, 80));
  throw new Unreadable(`${where} has the member ${name}, which is not known here`);
}

/** A list of JSON; undefined if it is missing. Throws Unreadable. */
export function listIn(json: unknown, where: string): readonly unknown[] | undefined {
  if (json === undefined || json === null) return undefined;
  if (Array.isArray(json)) return json;
  throw new Unreadable(`${where} is no list`);
}

/** A list of texts; undefined if it is missing. Throws Unreadable. */
export function textsIn(json: unknown, where: string): readonly string[] | undefined {
  const list = listIn(json, where);
  if (list?.every((each) => typeof each === "string") ?? true) return list as string[] | undefined;
  throw new Unreadable(`${where} has something that is no text`);
}
