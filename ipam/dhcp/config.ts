/** dhcp's configuration: options to send and to ask for, as numbers and bytes. */

import { write } from "../../lib/bytes/layout.ts";
import { text as textCodec } from "../../lib/bytes/scalar.ts";
import { parseArgsLeniently } from "../../lib/cni/args.ts";
import type { Attachment } from "../../lib/cni/call.ts";
import { CniError, Code, configError } from "../../lib/cni/error.ts";
import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import { flagAt, givenAt, listAt, numberAt } from "../../lib/cni/netconf.ts";
import type { Options } from "../../lib/dhcp/options.ts";

export interface DhcpConfig {
  readonly socketPath: string;
  readonly provide: readonly Provided[];
  /** The whole parameter request list. */
  readonly request: readonly number[];
  /** 0 leaves it to the kernel. */
  readonly priority: number;
  readonly broadcast: boolean;
  readonly detectsConflicts: boolean;
}

/** An option to send: the argument's text if CNI_ARGS has it, else the value, else nothing. */
export interface Provided {
  readonly option: number;
  readonly value: string;
  readonly fromArg: string;
}

/** The configuration; DEL and GC (`strict` false) need only where the daemon listens. */
export function parseDhcpConfig(json: JsonObject, strict: boolean): DhcpConfig {
  return {
    socketPath: givenAt(json, "ipam", "daemonSocketPath") ?? DEFAULT_SOCKET,
    provide: strict ? listAt(json, "ipam", "provide").map(parseProvided) : [],
    request: strict ? parseRequest(listAt(json, "ipam", "request")) : [],
    priority: numberAt(json, "ipam", "priority") ?? 0,
    broadcast: flagAt(json, "ipam", "broadcast"),
    detectsConflicts: flagAt(json, "ipam", "conflictDetection"),
  };
}

const DEFAULT_SOCKET = "/run/cni/dhcp.sock";

/** The options of every message of an attachment: its client identifier, and what is provided. */
export function optionsToSend(
  { provide }: Pick<DhcpConfig, "provide">,
  attachment: Attachment,
  args: string,
): Options {
  const given = parseArgsLeniently(args);
  const options = new Map([[CLIENT_IDENTIFIER, clientIdentifier(attachment)]]);
  for (const { option, value, fromArg } of provide) {
    const argument = Object.hasOwn(given, fromArg) ? given[fromArg] : undefined;
    const bytes = utf8(argument || value);
    if (bytes.length > LONGEST) throw tooLong(fromArg);
    if (bytes.length > 0) options.set(option, bytes);
  }
  requireRoom(options);
  return options;
}

const CLIENT_IDENTIFIER = 61;
/** An option's length is one byte. */
const LONGEST = 255;

/** A message with all that the client adds itself has to fit in a frame. */
const MOST_IN_ALL = 900;

function requireRoom(options: Options): void {
  const size = [...options.values()].reduce((sum, { length }) => sum + 2 + length, 0);
  if (size > MOST_IN_ALL) {
    throw configError("ipam.provide", `options of ${MOST_IN_ALL} bytes in all at most`, size);
  }
}

function tooLong(fromArg: string): CniError {
  const state = `the value of "${fromArg}" is too long for a DHCP option, ${LONGEST} bytes at most`;
  return new CniError(Code.environment, `Cannot use CNI_ARGS: ${state}`);
}

/**
 * By what servers know an attachment: a zero, for "no hardware address" (RFC 2132, 9.14), and its
 * key, cut as the reference cuts it, so that they give it the same address after an upgrade.
 */
export function clientIdentifier(attachment: Attachment): Uint8Array {
  return Uint8Array.of(0, ...utf8(clientKey(attachment)).subarray(0, LONGEST - 1));
}

/** The reference's name of an attachment, uncut. */
export function clientKey({ containerID, network, ifName }: Attachment): string {
  return `${containerID}/${network}/${ifName}`;
}

function utf8(value: string): Uint8Array {
  return write(textCodec, value);
}

/* ---- provide and request ---- */

function parseProvided(item: Json, i: number): Provided {
  const path = `ipam.provide[${i}]`;
  const { option, value, fromArg } = isObject(item) ? item : {};
  const code = parseOption(option, `${path}.option`);
  if (OWN.includes(code)) {
    throw configError(`${path}.option`, "an option that the client does not set itself", option);
  }
  const text = typeof value === "string" ? value : "";
  if (text.includes("\0") || utf8(text).length > LONGEST) {
    throw configError(`${path}.value`, `at most ${LONGEST} bytes of text (value too long)`, value);
  }
  return { option: code, value: text, fromArg: typeof fromArg === "string" ? fromArg : "" };
}

/** Requested address, overload, message type, server, request list, largest message. */
const OWN: readonly number[] = [50, 52, 53, 54, 55, 57];

const NAMES = new Map([
  ["dhcp-client-identifier", CLIENT_IDENTIFIER],
  ["subnet-mask", 1],
  ["routers", 3],
  ["host-name", 12],
  ["user-class", 77],
  ["vendor-class-identifier", 60],
]);

function parseOption(json: Json | undefined, path: string): number {
  const text = typeof json === "string" ? json : "";
  const code = NAMES.get(text) ?? (/^\d{1,3}$/.test(text) ? Number(text) : 0);
  if (code >= 1 && code <= 254) return code;
  const names = [...NAMES.keys()].join(", ");
  throw configError(path, `a number from 1 to 254 as text, or one of ${names}`, json);
}

/**
 * Mask, classless routes, routers, name servers, domain, search list, MTU: what a result can hold.
 * The routers must not be before the classless routes (RFC 3442), nor before the mask (RFC 2132, 3.3).
 */
const ALWAYS: readonly number[] = [1, 121, 3, 6, 15, 119, 26];

/** What is asked for by the configuration first, each once. */
function parseRequest(list: readonly Json[]): readonly number[] {
  const asked = list.flatMap((item, i) => {
    const { option } = isObject(item) ? item : {};
    if (option === undefined || option === "") return [];
    return [parseOption(option, `ipam.request[${i}].option`)];
  });
  const skips = list.some((item) => isObject(item) && item.skipDefault === true);
  return [...new Set(skips ? asked : [...asked, ...ALWAYS])];
}
