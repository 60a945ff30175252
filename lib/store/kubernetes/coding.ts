/**
 * In what the API server answers: in Protocol Buffers, of which most is passed over unread, or, if it
 * or a proxy does not have these, in JSON. An answer says by its type which it is.
 */

import { CodecError } from "../../bytes/codec.ts";
import { decodeText } from "../../host/text.ts";
import type { JsonObject } from "../../overlay/contract/host.ts";
import { JsonList, parsed } from "./json-list.ts";
import { JsonWatch } from "./json-watch.ts";
import { ProtobufList } from "./protobuf/list.ts";
import { readObject } from "./protobuf/objects.ts";
import { ProtobufWatch } from "./protobuf/watch.ts";
import type { ListReader, ListReaderEvents, WatchReader, WatchReaderEvents } from "./reading.ts";

const PROTOBUF = "application/vnd.kubernetes.protobuf";

/** What is accepted of a list, and of a watch. */
export const LIST_TYPES = `${PROTOBUF}, application/json`;
export const WATCH_TYPES = `${PROTOBUF};stream=watch, application/json`;

/** What reads a list of this Content-Type. */
export function listReader(type: string, events: ListReaderEvents): ListReader {
  return isProtobuf(type) ? new ProtobufList(events) : new JsonList(events);
}

/** What reads a watch of this Content-Type. */
export function watchReader(type: string, events: WatchReaderEvents): WatchReader {
  return isProtobuf(type) ? new ProtobufWatch(events) : new JsonWatch(events);
}

/** The message of a Status object, as a refusal has one; undefined if there is none. */
export function statusMessage(type: string, body: Uint8Array): string | undefined {
  const { message } = (isProtobuf(type) ? objectIn(body) : parsedBytes(body)) ?? {};
  return typeof message === "string" ? message : undefined;
}

function objectIn(body: Uint8Array): JsonObject | undefined {
  try {
    return readObject(body);
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    return undefined;
  }
}

function parsedBytes(body: Uint8Array): JsonObject | undefined {
  const text = decodeText(body);
  return text === undefined ? undefined : parsed(text);
}

function isProtobuf(type: string): boolean {
  return type.split(";", 1)[0]?.trim().toLowerCase() === PROTOBUF;
}
