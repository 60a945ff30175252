/** From a request to the typed call of a plugin: configuration, arguments, previous result. */

import { parseArgs, parseArgsLeniently } from "./args.ts";
import type {
  AddCall,
  Attachment,
  CheckCall,
  DelCall,
  GcCall,
  Request,
  StatusCall,
} from "./call.ts";
import { requireValid, type Schema, spelled, withoutFaults } from "./config.ts";
import { type Defaults, noDefaults } from "./defaults.ts";
import { Code, configError } from "./error.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import type { Result } from "./result.ts";
import { parseResult } from "./result-in.ts";
import type { About } from "./serve.ts";

/** What every plugin says of itself. */
export interface PluginBase<C> extends About {
  /** What the build makes of the plugin's JSON Schema. */
  readonly schema: Schema;
  /** Keys of CNI_ARGS this plugin acts on. */
  readonly args?: readonly string[];
  /**
   * From a configuration the schema accepts to the plugin's own type. `strict` is false for DEL
   * and GC, which must not fail over what only ADD needs, and are told no defaults: what they take
   * away was made when others may have held.
   */
  readonly parseConfig: (config: JsonObject, strict: boolean, defaults: Defaults) => C;
  /** A lazy module (`CommandLine`) that serves people who call the executable with arguments. */
  readonly commandLine?: string;
}

/** What a plugin's executable does when it is called with arguments. */
export interface CommandLine {
  /** Returns the exit status. */
  commandLine(args: readonly string[]): number;
}

function common(request: Request) {
  return { request, cniVersion: request.cniVersion, network: request.network };
}

function attached(request: Request) {
  const { containerID, ifName, netns } = request.environment;
  return {
    ...common(request),
    netns,
    attachment: { network: request.network, containerID, ifName },
  };
}

/** The request with the keys of its configuration spelled right: the calls below read no others. */
export function spelledRequest({ schema }: { readonly schema: Schema }, request: Request): Request {
  return { ...request, config: spelled(request.config, schema.keys) };
}

/** The plugin's own type from its JSON; throws what ADD would refuse if `strict`. */
export function readConfig<C>(plugin: PluginBase<C>, json: JsonObject, strict: boolean): C {
  return configOf(plugin, { config: spelled(json, plugin.schema.keys) }, strict);
}

function configOf<C>(
  plugin: PluginBase<C>,
  { config, defaults }: Pick<Request, "config" | "defaults">,
  strict: boolean,
): C {
  if (!strict) return plugin.parseConfig(withoutFaults(config, plugin.schema), false, noDefaults);
  requireValid(config, plugin.schema);
  return plugin.parseConfig(config, true, defaults ?? noDefaults);
}

/** The call of an ADD; throws on a configuration, arguments or prevResult that ADD refuses. */
export function addCall<C>(plugin: PluginBase<C>, request: Request): AddCall<C> {
  return {
    ...attached(request),
    command: "ADD",
    config: configOf(plugin, request, true),
    args: plugin.args ? parseArgs(request.environment.args, plugin.args) : {},
    prevResult: previousResult(request),
  };
}

/** The call of a CHECK, as strict as that of ADD. */
export function checkCall<C>(plugin: PluginBase<C>, request: Request): CheckCall<C> {
  return { ...addCall(plugin, request), command: "CHECK" };
}

/** The call of a DEL, which takes from its input what can be understood. */
export function delCall<C>(plugin: PluginBase<C>, request: Request): DelCall<C> {
  return {
    ...attached(request),
    command: "DEL",
    config: configOf(plugin, request, false),
    args: parseArgsLeniently(request.environment.args),
    prevResult: previousResultIfReadable(request),
  };
}

/** The call of a STATUS, as strict about the configuration as ADD. */
export function statusCall<C>(plugin: PluginBase<C>, request: Request): StatusCall<C> {
  return { ...common(request), command: "STATUS", config: configOf(plugin, request, true) };
}

/** Without a list of valid attachments GC does nothing: it must never free what may be in use. */
export function gcCall<C>(plugin: PluginBase<C>, request: Request): GcCall<C> | undefined {
  const { config } = request;
  const list = config["cni.dev/valid-attachments"] ?? config["cni.dev/attachments"];
  if (list === undefined) return undefined;
  const valid = validAttachments(list).map((item) => ({ ...item, network: request.network }));
  return {
    ...common(request),
    command: "GC",
    config: configOf(plugin, request, false),
    valid,
  };
}

function validAttachments(list: Json): Pick<Attachment, "containerID" | "ifName">[] {
  const path = "cni.dev/valid-attachments";
  if (!Array.isArray(list)) throw configError(path, "a list", list);
  const items: readonly Json[] = list;
  return items.map((item, i) => {
    const { containerID, ifname } = isObject(item) ? item : {};
    if (typeof containerID !== "string" || typeof ifname !== "string") {
      throw configError(`${path}[${i}]`, "an object with containerID and ifname", item);
    }
    return { containerID, ifName: ifname };
  });
}

function previousResult(request: Request): Result | undefined {
  const json = request.config.prevResult;
  if (json === undefined) return undefined;
  return parseResult(json, {
    what: "prevResult",
    code: Code.config,
    version: request.cniVersion,
    sameShape: true,
  });
}

function previousResultIfReadable(request: Request): Result | undefined {
  try {
    return previousResult(request);
  } catch {
    return undefined;
  }
}
