/** A line of the log as it is read: whatever is in it, and as people are shown it. */

import { oneLine } from "../../lib/cni/error.ts";
import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";

/** A call, with its line. */
export interface Entry {
  readonly line: string;
  readonly call: JsonObject;
}

/** Which calls are meant. */
export interface Filter {
  /** Undefined for all. */
  readonly network: string | undefined;
  /** What the ID of a container begins with; "" for all. */
  readonly container: string;
  readonly isFailed: boolean;
}

/** How each line of a log begins. */
const BEGIN = '{"time":"';

/**
 * The call that a line tells of; undefined if it is none. Where a disk was full, one line may lie
 * behind the first part of another.
 */
export function parseEntry(text: string): Entry | undefined {
  const line = text.slice(Math.max(0, text.lastIndexOf(BEGIN)));
  try {
    const call: unknown = JSON.parse(line);
    return isObject(call) && typeof call.command === "string" ? { line, call } : undefined;
  } catch {
    return undefined;
  }
}

/** True if a call is meant. */
export function isMeant({ call }: Entry, { network, container, isFailed }: Filter): boolean {
  return (
    (network === undefined || call.network === network) &&
    textAt(call.owner, "containerID").startsWith(container) &&
    (!isFailed || isObject(call.error))
  );
}

/** How long a call took, in milliseconds. */
export function milliseconds({ call }: Entry): number {
  return typeof call.ms === "number" ? call.ms : 0;
}

const widths = [24, 7, 13, 12, 13, 9];

/** What stands above the calls. */
export const heading = row(["TIME", "COMMAND", "PLUGIN", "NETWORK", "CONTAINER", "INTERFACE"], {
  ms: "MS",
  outcome: "OUTCOME",
});

/** A call in one line, beneath the heading. */
export function rowOf(entry: Entry): string {
  const { call } = entry;
  const container = textAt(call.owner, "containerID").slice(0, 13);
  const names = ["time", "command", "plugin", "network"].map((key) => textAt(call, key));
  return row([...names, container, textAt(call.owner, "ifName")], {
    ms: milliseconds(entry).toFixed(1),
    outcome: outcomeOf(call),
  });
}

function row(
  cells: readonly string[],
  { ms, outcome }: { readonly ms: string; readonly outcome: string },
): string {
  const padded = cells.map((cell, i) => oneLine(cell === "" ? "-" : cell).padEnd(widths[i] ?? 0));
  return `${padded.join(" ")} ${ms.padStart(8)}  ${oneLine(outcome)}`;
}

function outcomeOf({ error, result }: JsonObject): string {
  if (isObject(error)) return `error ${String(error.code)}: ${textAt(error, "msg")}`;
  const addresses = addressesIn(result);
  return addresses.length > 0 ? addresses.join(", ") : "ok";
}

function addressesIn(result: Json | undefined): readonly string[] {
  if (!isObject(result)) return [];
  const ips: readonly Json[] = Array.isArray(result.ips) ? result.ips : [];
  const first = [result.ip4, result.ip6].map((each) => textAt(each, "ip"));
  return [...first, ...ips.map((each) => textAt(each, "address"))].filter((text) => text !== "");
}

/** The steps of a call, one a line, and what no step accounts for. */
export function stepsOf(entry: Entry): readonly string[] {
  const { steps, moreSteps } = entry.call;
  const list: readonly Json[] = Array.isArray(steps) ? steps : [];
  const known = list.flatMap((each) => {
    const ms = isObject(each) ? each.ms : undefined;
    return typeof ms === "number" ? [{ ms, step: textAt(each, "step") }] : [];
  });
  const rest = milliseconds(entry) - known.reduce((sum, { ms }) => sum + ms, 0);
  const more = typeof moreSteps === "number" ? `${moreSteps} more steps, and between them` : "else";
  return [...known, { ms: Math.max(0, rest), step: more }].map(
    ({ ms, step }) => `${ms.toFixed(3).padStart(12)}  ${oneLine(step)}`,
  );
}

function textAt(value: Json | undefined, key: string): string {
  const text = isObject(value) ? value[key] : undefined;
  return typeof text === "string" ? text : "";
}
