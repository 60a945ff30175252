/** Messages of etcd's JSON gateway: keys and values in base64, numbers of 64 bits as text. */

import { toBase64 } from "../../bytes/base64.ts";
import { textFromBase64 } from "../../host/base64.ts";
import { encodeText } from "../../host/text.ts";
import { isObject, type JsonObject } from "../../overlay/contract/host.ts";

/** A key with its value, and when it was made and last written. */
export interface KeyValue {
  readonly key: string;
  /** Undefined if it is not UTF-8. */
  readonly value: string | undefined;
  /** The lease it lives as long as; "0" if it stays for ever. */
  readonly lease: string;
  readonly created: number;
  readonly modified: number;
}

/** A text as messages have it. */
export function encoded(text: string): string {
  return toBase64(encodeText(text));
}

/** All keys that begin with a prefix, which ends with a slash. */
export function allUnder(prefix: string): { readonly key: string; readonly range_end: string } {
  return { key: encoded(prefix), range_end: encoded(`${prefix.slice(0, -1)}0`) };
}

/** A number of 64 bits as a message has it; 0 is left out of messages. */
export function numberOf(value: unknown): number {
  return typeof value === "string" || typeof value === "number" ? Number(value) : 0;
}

/** The revision of the store when it answered. */
export function revisionOf(message: JsonObject): number {
  const header = message.header;
  return isObject(header) ? numberOf(header.revision) : 0;
}

/** Which cluster has answered. */
export function clusterOf(message: JsonObject): string {
  const header = message.header;
  return isObject(header) ? String(header.cluster_id ?? "") : "";
}

/** The keys of a message, one after the other; what is none is left out. */
export function keyValuesOf(message: JsonObject): readonly KeyValue[] {
  return objectsIn(message.kvs).flatMap((each) => readKeyValue(each) ?? []);
}

/** The objects of a list. */
export function objectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** Reads one key; undefined if it has no name that is text. */
export function readKeyValue(json: JsonObject): KeyValue | undefined {
  const key = textIn(json.key);
  if (key === undefined) return undefined;
  return {
    key,
    value: textIn(json.value ?? ""),
    lease: String(json.lease ?? "0"),
    created: numberOf(json.create_revision),
    modified: numberOf(json.mod_revision),
  };
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" ? textFromBase64(value) : undefined;
}
