/**
 * What the plugin and its daemon say to each other: one question and one answer per connection, each
 * a line of JSON.
 *
 *   plugin  {"command":"ADD","attachment":{…},"netns":"/run/netns/a","args":"","config":{…},"within":80000}
 *   daemon  {"lease":{"result":{"ips":[…],"routes":[…],"dns":{…}},"dropped":[]}}   or   {"error":{"code":11,…}}
 */

import type { Attachment } from "../../lib/cni/call.ts";
import { isObject, type JsonObject } from "../../lib/cni/json.ts";
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
