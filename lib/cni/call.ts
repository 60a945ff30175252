/** One invocation of a plugin: what was given (Request) and what it guarantees (Call). */

import * as host from "host";
import type { CniArgs } from "./args.ts";
import type { Defaults } from "./defaults.ts";
import type { Environment } from "./environment.ts";
import type { JsonObject } from "./json.ts";
import type { Result } from "./result.ts";

/**
 * All a plugin process was given: variables, the bytes of stdin, and the object they hold, whose
 * keys a plugin's call has as its schema spells them.
 */
export interface Request {
  readonly environment: Environment;
  readonly stdin: Uint8Array;
  readonly config: JsonObject;
  readonly cniVersion: string;
  readonly network: string;
  /** What the node says where the configuration does not. */
  readonly defaults?: Defaults | undefined;
  /** True if a plugin of this image hands it on in its own process, after looking at it itself. */
  readonly isDelegated?: boolean;
}

/** The configuration as it was given, letter by letter. */
export function stdinText({ stdin }: Request): string {
  return host.decode(stdin) ?? "";
}

/** What identifies an attachment: everything that is kept is kept under these three. */
export interface Attachment {
  readonly network: string;
  readonly containerID: string;
  readonly ifName: string;
}

interface CallBase<C> {
  readonly request: Request;
  readonly cniVersion: string;
  readonly network: string;
  readonly config: C;
}

interface AttachmentCall<C> extends CallBase<C> {
  readonly attachment: Attachment;
  /** CNI_NETNS exactly as given; "" if it was not (DEL). */
  readonly netns: string;
  readonly args: CniArgs;
}

export interface AddCall<C> extends AttachmentCall<C> {
  readonly command: "ADD";
  /** The result of the plugin before this one in a list. */
  readonly prevResult: Result | undefined;
}

export interface CheckCall<C> extends AttachmentCall<C> {
  readonly command: "CHECK";
  /** The result of the whole list. */
  readonly prevResult: Result | undefined;
}

export interface DelCall<C> extends AttachmentCall<C> {
  readonly command: "DEL";
  /** The result of the whole list, if the runtime has it and it can be read. */
  readonly prevResult: Result | undefined;
}

export interface GcCall<C> extends CallBase<C> {
  readonly command: "GC";
  /** The attachments of this network that must not be touched. */
  readonly valid: readonly Attachment[];
}

export interface StatusCall<C> extends CallBase<C> {
  readonly command: "STATUS";
}

export type Call<C> = AddCall<C> | CheckCall<C> | DelCall<C> | GcCall<C> | StatusCall<C>;

/** A call that cannot do without the result of the plugin before. */
export type Chained<T> = T & { readonly prevResult: Result };
