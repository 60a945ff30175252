/**
 * Running the plugins of a list: what each is sent, and what becomes of results and errors (CNI
 * spec, section 4, "Request configuration").
 *
 *   ADD      first ─▶ second ─▶ third    each with the result of the one before
 *   CHECK    first ─▶ second ─▶ third    all with the result of the list
 *   DEL      first ◀─ second ◀─ third    the same, whatever fails
 */

import * as host from "host";
import type { Attachment } from "../lib/cni/call.ts";
import { memberOf } from "../lib/cni/config.ts";
import type { Command } from "../lib/cni/environment.ts";
import { CniError, Code } from "../lib/cni/error.ts";
import { findPlugin } from "../lib/cni/find-plugin.ts";
import { invoke, type Variables } from "../lib/cni/invoke.ts";
import { isObject, type Json, type JsonObject } from "../lib/cni/json.ts";
import { parseResult } from "../lib/cni/result-in.ts";
import { toVersion } from "../lib/cni/result-out.ts";
import { asMuchAsPossible } from "../lib/cni/undo.ts";
import type { NetworkList } from "./list-file.ts";
import type { Pairs } from "./list-options.ts";
import type { Observer } from "./observer.ts";

/** Where plugins are, and how long each may take. */
export interface Runner {
  readonly path: string;
  readonly milliseconds: number;
  /** Variables that plugins get besides those of the protocol. */
  readonly variables?: Variables | undefined;
}

/** A list with the attachment it is run for. */
export interface Run extends Runner {
  readonly list: NetworkList;
  readonly owner: Attachment;
  readonly netns: string;
  readonly args: Pairs | undefined;
  readonly capabilities: JsonObject | undefined;
  readonly observe?: Observer | undefined;
}

/** ADD of every plugin; the result of the last one. Stops at the first error. */
export function addAll(run: Run): JsonObject {
  let prevResult: JsonObject | undefined;
  for (const plugin of run.list.plugins) {
    const printed = runAttached(run, plugin, { command: "ADD", prevResult });
    const convert = () => inVersion(printed ?? null, run.list, run.owner);
    prevResult = naming(plugin, convert);
  }
  return prevResult ?? {};
}

/** CHECK of every plugin with the result of the list. Stops at the first error. */
export function checkAll(run: Run, prevResult: JsonObject | undefined): void {
  for (const plugin of run.list.plugins) {
    runAttached(run, plugin, { command: "CHECK", prevResult });
  }
}

/** DEL of every plugin, the last one first, whatever fails; throws one error that names all. */
export function deleteAll(run: Run, prevResult: JsonObject | undefined): void {
  const steps = run.list.plugins.map((plugin) => {
    const what = `DEL of plugin "${typeOf(plugin)}"`;
    return [what, () => runAttached(run, plugin, { command: "DEL", prevResult })] as const;
  });
  asMuchAsPossible(...steps.reverse());
}

/** GC or STATUS of one plugin: of a network, with keys of the specification for it. */
export function runOfNetwork(
  { list, ...runner }: Runner & { readonly list: NetworkList },
  plugin: JsonObject,
  request: { readonly command: "GC" | "STATUS"; readonly keys: JsonObject },
): void {
  const config = { ...withoutReserved(plugin), ...headOf(list), ...request.keys };
  const environment = { containerID: "", ifName: "", netns: "", args: "" };
  execute(runner, plugin, { command: request.command, config, environment });
}

/**
 * A result in the version of a list, as it is if it has that version already. Throws if it is none,
 * or if that version cannot express it.
 */
export function inVersion(json: Json, list: NetworkList, owner: Attachment): JsonObject {
  const version = list.cniVersion === "" ? "0.1.0" : list.cniVersion;
  const what = "the result";
  const origin = { what, code: Code.delegate, version, sameShape: false };
  const result = parseResult(json, origin);
  if (isObject(json) && json.cniVersion === version) return json;
  return toVersion(result, version, owner.ifName);
}

interface Request {
  readonly command: Command;
  readonly prevResult: JsonObject | undefined;
}

function runAttached(run: Run, plugin: JsonObject, { command, prevResult }: Request) {
  const body = () => execute(run, plugin, { command, ...attachedRequest(run, plugin, prevResult) });
  return run.observe ? run.observe(typeOf(plugin), body) : body();
}

/** What a plugin of a list is told of an attachment: its configuration, and variables. */
export function attachedRequest(run: Run, plugin: JsonObject, prevResult: JsonObject | undefined) {
  const { capabilities: _, ...rest } = withoutReserved(plugin);
  const config: JsonObject = {
    ...rest,
    ...headOf(run.list),
    ...runtimeConfig(plugin, run.capabilities ?? {}),
    ...(prevResult === undefined ? {} : { prevResult }),
  };
  const { containerID, ifName } = run.owner;
  const args = (run.args ?? []).map(([key, value]) => `${key}=${value}`).join(";");
  return { config, environment: { containerID, ifName, netns: run.netns, args } };
}

interface Execution {
  readonly command: Command;
  readonly config: JsonObject;
  readonly environment: {
    readonly containerID: string;
    readonly ifName: string;
    readonly netns: string;
    readonly args: string;
  };
}

function execute(
  { path, milliseconds, variables }: Runner,
  plugin: JsonObject,
  { command, config, environment }: Execution,
): Json | undefined {
  return naming(plugin, () => {
    const file = findPlugin(typeOf(plugin), path).path;
    const stdin = host.encode(JSON.stringify(config));
    const all = { ...environment, command, path, netnsOverride: false };
    return invoke(file, { command, environment: all, stdin, milliseconds, variables });
  });
}

/** An error says which plugin of the list it comes from; its code stays. */
function naming<T>(plugin: JsonObject, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    const { code, message, details } = CniError.from(cause);
    throw new CniError(code, `plugin "${typeOf(plugin)}": ${message}`, details);
  }
}

/** The name of a plugin's file. */
export function typeOf(plugin: JsonObject): string {
  return String(memberOf(plugin, "type"));
}

/** Keys that only a runtime may set are not taken from a file. */
function withoutReserved(plugin: JsonObject): JsonObject {
  const own = Object.entries(plugin).filter(
    ([key]) => key !== "prevResult" && !key.startsWith("cni.dev/"),
  );
  return Object.fromEntries(own);
}

function headOf({ name, cniVersion }: NetworkList): JsonObject {
  return { name, cniVersion };
}

/** What a plugin declares with `true`, and the caller gives a value for. */
function runtimeConfig(plugin: JsonObject, given: JsonObject): JsonObject {
  const declared = isObject(plugin.capabilities) ? plugin.capabilities : {};
  const wanted = Object.entries(given).filter(([name]) => declared[name] === true);
  return wanted.length === 0 ? {} : { runtimeConfig: Object.fromEntries(wanted) };
}
