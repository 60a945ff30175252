/** The key of this host: made, written over and removed, each only if it is as it is thought to be. */

import type { Cancel } from "../../host/clock.ts";
import { isObject, type JsonObject } from "../../overlay/contract/host.ts";
import { EtcdFailure } from "./failure.ts";
import type { Gateway } from "./gateway.ts";
import { FOREVER } from "./lease.ts";
import { encoded, type KeyValue, keyValuesOf, objectsIn, revisionOf } from "./messages.ts";

/** What is written under a key. */
export interface OwnEntry {
  readonly key: string;
  readonly value: string;
  readonly lease: string;
}

/** It is done, at a revision; or not, because of what was found. */
export type Outcome =
  | { readonly isDone: true; readonly revision: number }
  | { readonly isDone: false; readonly found: readonly KeyValue[] };

export type Done = (what: Outcome | EtcdFailure) => void;

/** Makes a key unless there is one with the same IPv4 subnet. */
export function createKey(gateway: Gateway, entry: OwnEntry, done: Done): Cancel {
  const stem = entry.key.replace(/&.*$/, "");
  const range = { key: encoded(stem), range_end: encoded(`${stem}'`) };
  const compare = { ...range, target: "VERSION", result: "EQUAL", version: "0" };
  return transact(gateway, { compare, success: put(entry), otherwise: range }, done);
}

/** Writes over a key that was last written at a revision. */
export function replaceKey(
  gateway: Gateway,
  entry: OwnEntry & { readonly modified: number },
  done: Done,
): Cancel {
  const compare = untouched(entry.key, entry.modified);
  const otherwise = { key: encoded(entry.key) };
  return transact(gateway, { compare, success: put(entry), otherwise }, done);
}

/** Removes a key that was last written at a revision. */
export function removeKey(
  gateway: Gateway,
  entry: { readonly key: string; readonly modified: number },
  done: Done,
): Cancel {
  const compare = untouched(entry.key, entry.modified);
  const otherwise = { key: encoded(entry.key) };
  const success = { request_delete_range: { key: encoded(entry.key) } };
  return transact(gateway, { compare, success, otherwise }, done);
}

function untouched(key: string, modified: number): JsonObject {
  return { key: encoded(key), target: "MOD", result: "EQUAL", mod_revision: String(modified) };
}

function put({ key, value, lease }: OwnEntry): JsonObject {
  const bound = lease === FOREVER ? {} : { lease };
  return { request_put: { key: encoded(key), value: encoded(value), ...bound } };
}

interface Transaction {
  readonly compare: JsonObject;
  readonly success: JsonObject;
  readonly otherwise: JsonObject;
}

function transact(
  gateway: Gateway,
  { compare, success, otherwise }: Transaction,
  done: Done,
): Cancel {
  const failure = [{ request_range: otherwise }];
  const message = { compare: [compare], success: [success], failure };
  return gateway.ask({ path: "/v3/kv/txn", message }, (answer) => {
    if (answer instanceof EtcdFailure) done(answer);
    else if (answer.succeeded === true) done({ isDone: true, revision: revisionOf(answer) });
    else done({ isDone: false, found: foundIn(answer) });
  });
}

function foundIn(answer: JsonObject): readonly KeyValue[] {
  const [range] = objectsIn(answer.responses).map(({ response_range }) => response_range);
  return isObject(range) ? keyValuesOf(range) : [];
}
