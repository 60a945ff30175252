/**
 * What the plugin and its daemon say to each other: one question and one answer per connection, each
 * a line of JSON.
 *
 *   plugin  {"command":"ADD","attachment":{…},"netns":"/run/netns/a","args":"","config":{…},"within":80000}
 *   daemon  {"lease":{"result":{"ips":[…],"routes":[…],"dns":{…}},"dropped":[]}}   or   {"error":{"code":11,…}}
 */

import type { Attachment } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import type { LeaseReading } from "../../lib/dhcp/lease.ts";

/** A lease for an attachment, had within so many milliseconds. */
export interface AddQuestion {
  readonly command: "ADD";
  readonly attachment: Attachment;
  /** An absolute path. */
  readonly netns: string;
  /** CNI_ARGS. */
  readonly args: string;
  /** The network's configuration, as far as it is this plugin's. */
  readonly config: JsonObject;
  readonly within: number;
}

/** What a daemon can be asked. */
export type Question =
  | AddQuestion
  | { readonly command: "CHECK" | "DEL"; readonly attachment: Attachment }
  | { readonly command: "GC"; readonly network: string; readonly valid: readonly Attachment[] }
  | { readonly command: "STATUS" };

/** What it answers: an error, or nothing but that it is done, or the lease (ADD, CHECK). */
export interface Answer {
  readonly lease?: LeaseReading;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly details: string;
  };
}

/** More bytes of a question or an answer are not read. */
export const LONGEST_LINE = 512 << 10;

/** An error as an answer. */
export function errorAnswer(cause: unknown): Answer {
  const { code, message, details } = CniError.from(cause);
  return { error: { code, message, details } };
}

/** An answer from a line; undefined if it is none. */
export function parseAnswer(line: string): Answer | undefined {
  try {
    const json: unknown = JSON.parse(line);
    if (!isObject(json)) return undefined;
    const { lease = {}, error = {} } = json;
    return isObject(lease) && isObject(error) && isReading(lease) ? (json as Answer) : undefined;
  } catch {
    return undefined;
  }
}

function isReading({ result, dropped }: JsonObject): boolean {
  if (result === undefined) return true;
  return isObject(result) && Array.isArray(result.ips) && Array.isArray(dropped);
}

/** A question from a line; throws CniError if it is none. */
export function parseQuestion(line: string): Question {
  const json = parsed(line);
  const { command } = json;
  switch (command) {
    case "ADD":
      return parseAdd(json);
    case "CHECK":
    case "DEL":
      return { command, attachment: parseAttachment(json.attachment) };
    case "GC":
      if (!Array.isArray(json.valid)) throw unreadable("valid");
      return { command, network: textIn(json, "network"), valid: json.valid.map(parseAttachment) };
    case "STATUS":
      return { command };
    default:
      throw unreadable("command");
  }
}

function parsed(line: string): JsonObject {
  try {
    const json: unknown = JSON.parse(line);
    if (isObject(json)) return json;
  } catch {
    // said below
  }
  throw unreadable("JSON");
}

/** The question of an ADD, or what is recorded of one. */
export function parseAdd(json: JsonObject): AddQuestion {
  const { attachment, config, within } = json;
  if (!isObject(config)) throw unreadable("config");
  return {
    command: "ADD",
    attachment: parseAttachment(attachment),
    netns: textIn(json, "netns"),
    args: textIn(json, "args"),
    config,
    within: typeof within === "number" ? within : 0,
  };
}

function parseAttachment(json: Json | undefined): Attachment {
  if (!isObject(json)) throw unreadable("attachment");
  return {
    network: textIn(json, "network"),
    containerID: textIn(json, "containerID"),
    ifName: textIn(json, "ifName"),
  };
}

function textIn(json: JsonObject, key: string): string {
  const value = json[key];
  if (typeof value !== "string") throw unreadable(key);
  return value;
}

function unreadable(what: string): CniError {
  return new CniError(Code.decode, `Cannot read what the dhcp daemon is asked: no ${what} in it`);
}
