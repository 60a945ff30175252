/** A line of the log: one JSON object about one call. */

import { isoTime } from "../host/iso-time.ts";
import type { CniError } from "./error.ts";
import type { Json } from "./json.ts";

/** A step of a call, and the milliseconds that it took. */
export interface TimedStep {
  readonly step: string;
  readonly ms: number;
}

/** Who caused a call, as W3C Trace Context has it. */
export interface Trace {
  readonly traceID: string;
  readonly spanID: string;
}

/** What is known of a call; what is not, is undefined or "". */
export interface LoggedCall {
  /** Milliseconds since 1970 at its beginning. */
  readonly time: number;
  readonly command: string;
  readonly plugin: string;
  /** That of the suite. */
  readonly version: string;
  readonly cniVersion: string | undefined;
  readonly network: string | undefined;
  readonly owner: { readonly containerID: string; readonly ifName: string; readonly netns: string };
  readonly pid: number;
  /** The name of the process that made the call. */
  readonly parent: string;
  readonly trace: Trace | undefined;
  readonly ms: number;
  readonly steps: readonly TimedStep[];
  /** How many more there were. */
  readonly moreSteps: number;
  readonly error: Pick<CniError, "code" | "message" | "details"> | undefined;
  readonly result: Json | undefined;
}

/** So many characters a line has at most. */
export const LONGEST_LINE = 8000;
/** Names and paths, and what is said of an error. */
const LONGEST_NAME = 300;
const LONGEST_MESSAGE = 1000;

/** The line, without its end. What is too long is cut: `"isCut": true` says so. */
export function logLine(call: LoggedCall): string {
  const { result, steps, moreSteps } = call;
  const head = headOf(call);
  const times = { ...(steps.length > 0 && { steps }), ...(moreSteps > 0 && { moreSteps }) };
  const rest = { ...head, ...times };
  const whole = JSON.stringify({ ...rest, result });
  if (whole.length <= LONGEST_LINE) return whole;
  const without = JSON.stringify({ ...rest, isCut: true });
  const room = LONGEST_LINE - without.length;
  if (result !== undefined && room > 200) {
    // Quotation marks of the result take two characters in a text.
    const begin = cut(JSON.stringify(result), Math.floor(room / 2) - 20);
    return JSON.stringify({ ...rest, result: begin, isCut: true });
  }
  return room >= 0 ? without : shortest(head);
}

function headOf(call: LoggedCall) {
  const { owner, error, network, parent, ms } = call;
  const { containerID, ifName, netns } = owner;
  const names = { containerID: name(containerID), ifName: name(ifName), netns: name(netns) };
  return {
    time: isoTime(call.time),
    command: name(call.command),
    plugin: call.plugin,
    version: call.version,
    cniVersion: call.cniVersion,
    network: network === undefined ? undefined : name(network),
    ...(containerID + ifName + netns !== "" && { owner: names }),
    pid: call.pid,
    ...(parent !== "" && { parent: name(parent) }),
    trace: call.trace,
    ms,
    ...(error && { error: errorOf(error) }),
  };
}

function errorOf({ code, message, details }: Pick<CniError, "code" | "message" | "details">) {
  const more = details === "" ? {} : { details: cut(details, LONGEST_MESSAGE) };
  return { code, msg: cut(message, LONGEST_MESSAGE), ...more };
}

/** Texts full of what JSON has to escape: what they are of is still said. */
function shortest({ time, command, plugin, ms, error }: ReturnType<typeof headOf>): string {
  const said = error && { error: { code: error.code, msg: cut(error.msg, 200) } };
  return JSON.stringify({ time, command: cut(command, 20), plugin, ms, ...said, isCut: true });
}

function name(text: string): string {
  return cut(text, LONGEST_NAME);
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** What TRACEPARENT says (W3C Trace Context); undefined if it is not as it should be. */
export function parseTrace(text: string): Trace | undefined {
  const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
  const [, version, traceID = "", spanID = "", more] = form.exec(text) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more)) return undefined;
  const isNone = /^0+$/;
  return isNone.test(traceID) || isNone.test(spanID) ? undefined : { traceID, spanID };
}
