/**
 * The runner: from variables and stdin to a typed call, and from its outcome to stdout and the
 * exit status. A plugin is a value; everything a process does around it happens here, once.
 */

import * as host from "host";
import { descriptorStatus, fileStatus, isSameFile, readToEnd, writeAll } from "../host/file.ts";
import { isOwnNetns, type Netns, NetnsError, openNetns, ownNetns } from "../net/netns.ts";
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
import { checkSchema, type Schema, spelled, withoutFaults } from "./config.ts";
import { checkEnvironment, isPlainName, readEnvironment } from "./environment.ts";
import { CniError, Code, configError } from "./error.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { parseResult, type Result, toVersion } from "./result.ts";
import { checkSupported, isAtLeast, newestVersion, supportedVersions } from "./version.ts";

/** Set by the build from package.json. */
declare const WEFT_VERSION: string;

interface PluginBase<C> {
  readonly name: string;
  /** What the build makes of the plugin's JSON Schema. */
  readonly schema: Schema;
  /** Keys of CNI_ARGS this plugin acts on. */
  readonly args?: readonly string[];
  /**
   * From a configuration the schema accepts to the plugin's own type. `strict` is false for DEL
   * and GC, which must not fail over what only ADD needs.
   */
  readonly parseConfig: (config: JsonObject, strict: boolean) => C;
}

/** A plugin that works on links: it gets the runtime's namespace and the container's. */
export interface InterfacePlugin<C> extends PluginBase<C> {
  add(call: AddCall<C>, host: Netns, container: Netns): Result;
  check(call: CheckCall<C>, host: Netns, container: Netns): void;
  /** `container` is undefined if the namespace is gone, or was not given. */
  del(call: DelCall<C>, host: Netns, container: Netns | undefined): void;
  gc(call: GcCall<C>, host: Netns): void;
  status(call: StatusCall<C>, host: Netns): void;
}

/** A plugin that manages addresses: it never opens a namespace. */
export interface IpamPlugin<C> extends PluginBase<C> {
  add(call: AddCall<C>): Result;
  check(call: CheckCall<C>): void;
  del(call: DelCall<C>): void;
  gc(call: GcCall<C>): void;
  status(call: StatusCall<C>): void;
}

/** What a command's module exports: `main` runs the process, `handle` serves a call within one. */
export interface Program {
  readonly main: () => void;
  readonly handle: (request: Request) => Json | undefined;
  readonly configuration: Configuration;
}

/** What can be said of a configuration without running anything. */
export interface Configuration {
  readonly keys: Schema["keys"];
  /** Throws what ADD would refuse. */
  readonly check: (config: JsonObject) => void;
}

/** A program from an interface plugin. */
export function interfacePlugin<C>(plugin: InterfacePlugin<C>): Program {
  return program(plugin, (request) => {
    const { environment } = request;
    const own = ownNetns();
    switch (environment.command) {
      case "ADD": {
        checkSupported(request.cniVersion);
        const call = addCall(plugin, request);
        const container = openContainer(request, own);
        const result = plugin.add(call, own, container);
        return resultOf(result, call, () => plugin.del(delCall(plugin, request), own, container));
      }
      case "CHECK": {
        checkAllowed("CHECK", "0.4.0", request.cniVersion);
        return void plugin.check(checkCall(plugin, request), own, openContainer(request, own));
      }
      case "DEL": {
        checkSupported(request.cniVersion);
        return void plugin.del(delCall(plugin, request), own, openIfPresent(request));
      }
      default:
        return serveNetwork(plugin, request, own);
    }
  });
}

/** A program from an IPAM plugin. */
export function ipamPlugin<C>(plugin: IpamPlugin<C>): Program {
  return program(plugin, (request) => {
    switch (request.environment.command) {
      case "ADD": {
        checkSupported(request.cniVersion);
        refuseOwnNetns(request);
        const call = addCall(plugin, request);
        return resultOf(plugin.add(call), call, () => plugin.del(delCall(plugin, request)));
      }
      case "CHECK":
        checkAllowed("CHECK", "0.4.0", request.cniVersion);
        return void plugin.check(checkCall(plugin, request));
      case "DEL":
        checkSupported(request.cniVersion);
        refuseOwnNetns(request);
        return void plugin.del(delCall(plugin, request));
      default:
        return serveNetwork(plugin, request, ownNetns());
    }
  });
}

interface NetworkCommands<C> extends PluginBase<C> {
  gc(call: GcCall<C>, host: Netns): void;
  status(call: StatusCall<C>, host: Netns): void;
}

/** GC and STATUS concern a network, not an attachment. */
function serveNetwork<C>(plugin: NetworkCommands<C>, request: Request, own: Netns): undefined {
  const { command } = request.environment;
  if (command === "GC") {
    checkAllowed("GC", "1.1.0", request.cniVersion);
    const call = gcCall(plugin, request);
    if (call) plugin.gc(call, own);
  } else if (command === "STATUS") {
    checkAllowed("STATUS", "1.1.0", request.cniVersion);
    plugin.status(
      { ...common(request), command: "STATUS", config: configOf(plugin, request, true) },
      own,
    );
  } else {
    throw new CniError(Code.environment, `unknown CNI_COMMAND: ${command}`);
  }
}

/** The result in the version asked for; one that this version cannot express is taken back. */
function resultOf<C>(result: Result, call: AddCall<C>, takeBack: () => void): JsonObject {
  try {
    return toVersion(result, call.cniVersion);
  } catch (cause) {
    takeBack();
    throw cause;
  }
}

/* ---- calls ---- */

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

function configOf<C>(plugin: PluginBase<C>, request: Request, strict: boolean): C {
  return readConfig(plugin, request.config, strict);
}

function readConfig<C>(plugin: PluginBase<C>, json: JsonObject, strict: boolean): C {
  const config = spelled(json, plugin.schema.keys);
  if (strict) checkSchema(config, plugin.schema);
  return plugin.parseConfig(strict ? config : withoutFaults(config, plugin.schema), strict);
}

function addCall<C>(plugin: PluginBase<C>, request: Request): AddCall<C> {
  return {
    ...attached(request),
    command: "ADD",
    config: configOf(plugin, request, true),
    args: plugin.args ? parseArgs(request.environment.args, plugin.args) : {},
    prevResult: previousResult(request),
  };
}

function checkCall<C>(plugin: PluginBase<C>, request: Request): CheckCall<C> {
  return { ...addCall(plugin, request), command: "CHECK" };
}

function delCall<C>(plugin: PluginBase<C>, request: Request): DelCall<C> {
  return {
    ...attached(request),
    command: "DEL",
    config: configOf(plugin, request, false),
    args: parseArgsLeniently(request.environment.args),
    prevResult: previousResultIfReadable(request),
  };
}

/** Without a list of valid attachments GC does nothing: it must never free what may be in use. */
function gcCall<C>(plugin: PluginBase<C>, request: Request): GcCall<C> | undefined {
  const config = spelled(request.config, plugin.schema.keys);
  const list = config["cni.dev/valid-attachments"] ?? config["cni.dev/attachments"];
  if (list === undefined) return undefined;
  const valid = validAttachments(list).map((item) => ({ ...item, network: request.network }));
  const keys = new Set(valid.map(({ containerID, ifName }) => `${containerID}/${ifName}`));
  return {
    ...common(request),
    command: "GC",
    config: configOf(plugin, request, false),
    valid,
    isValid: ({ containerID, ifName }: Attachment) => keys.has(`${containerID}/${ifName}`),
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
  if (json === undefined || json === null) return undefined;
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

/* ---- namespaces ---- */

function openContainer(request: Request, own: Netns): Netns {
  const { netns, netnsOverride } = request.environment;
  const container = openNetns(netns);
  if (!netnsOverride && isOwnNetns(container)) throw sameNetns(netns);
  return netnsOverride && isOwnNetns(container) ? own : container;
}

function sameNetns(netns: string): CniError {
  const text = "plugin's netns and netns from CNI_NETNS should not be the same";
  return new CniError(Code.sameNetns, `${text}: "${netns}"`);
}

/** IPAM never opens the container's namespace, but a runtime that hands it its own is wrong. */
function refuseOwnNetns({ environment: { netns, netnsOverride } }: Request): void {
  if (netns === "" || netnsOverride) return;
  const given = fileStatus(netns);
  const own = fileStatus("/proc/self/ns/net");
  if (given && own && isSameFile(given, own)) throw sameNetns(netns);
}

/** DEL: a namespace that is missing, or no namespace at all, has nothing left to clean. */
function openIfPresent(request: Request): Netns | undefined {
  if (request.environment.netns === "") return undefined;
  try {
    return openContainer(request, ownNetns());
  } catch (cause) {
    if (cause instanceof NetnsError) return undefined;
    throw cause;
  }
}

/* ---- the process ---- */

function checkAllowed(command: string, since: string, version: string): void {
  if (!isAtLeast(version, since)) {
    throw new CniError(Code.incompatibleVersion, `config version does not allow ${command}`);
  }
  checkSupported(version);
}

function program<C>(plugin: PluginBase<C>, handle: Program["handle"]): Program {
  const check = (config: JsonObject) => void readConfig(plugin, config, true);
  return {
    main: () => host.exit(run(plugin.name, handle)),
    handle,
    configuration: { keys: plugin.schema.keys, check },
  };
}

function run(name: string, handle: (request: Request) => Json | undefined): number {
  let version: string = newestVersion;
  try {
    const environment = readEnvironment();
    if (environment.command === "") return printAbout(name);
    if (environment.command === "VERSION") return printVersion();
    checkEnvironment(environment);
    const stdin = readStdin();
    const config = parseStdin(stdin);
    version = versionOf(config);
    const request = { environment, stdin, config, cniVersion: version, network: nameOf(config) };
    const output = handle(request);
    if (output !== undefined) deliver(output, request, handle);
    return 0;
  } catch (cause) {
    return printError(CniError.from(cause), version);
  }
}

function readStdin(): Uint8Array {
  try {
    return readToEnd(0, "stdin");
  } catch (cause) {
    throw new CniError(Code.io, `error reading from stdin: ${CniError.from(cause).message}`);
  }
}

function parseStdin(stdin: Uint8Array): JsonObject {
  const text = host.decode(stdin);
  if (text === undefined) throw decodeError("it is not UTF-8");
  const config = parseJson(text);
  if (config === null) throw new CniError(Code.config, "missing network name");
  if (!isObject(config)) throw decodeError("it is not a JSON object");
  return exactKeys(config);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw decodeError(cause instanceof Error ? cause.message : String(cause));
  }
}

/** The keys the runner itself reads, whatever their case. */
function exactKeys(config: JsonObject): JsonObject {
  const keys = Object.keys(config);
  if (keys.includes("name") && keys.includes("cniVersion")) return config;
  return spelled(config, {});
}

function decodeError(state: string): CniError {
  return new CniError(Code.decode, `error unmarshall network config: ${state}`);
}

function versionOf(config: JsonObject): string {
  const version = config.cniVersion ?? "";
  if (typeof version !== "string") throw decodeError("cniVersion is not a text");
  return version === "" ? "0.1.0" : version;
}

function nameOf(config: JsonObject): string {
  const name = config.name ?? "";
  if (typeof name !== "string") throw decodeError("name is not a text");
  if (name === "") throw new CniError(Code.config, "missing network name");
  if (!isPlainName(name)) {
    throw new CniError(Code.config, "invalid characters found in network name", name);
  }
  return name;
}

/* ---- output ---- */

/** A result that nobody can read is a failed ADD, and is taken back. */
function deliver(output: Json, request: Request, handle: Program["handle"]): void {
  try {
    print(output);
  } catch (cause) {
    handle({ ...request, environment: { ...request.environment, command: "DEL" } });
    throw new CniError(Code.io, CniError.from(cause).message);
  }
}

function print(value: Json): void {
  writeAll(1, host.encode(JSON.stringify(value, null, 4)), "stdout");
}

function printAbout(name: string): number {
  const versions = supportedVersions.join(", ");
  const text = `CNI ${name} plugin weft ${WEFT_VERSION}\nCNI protocol versions supported: ${versions}\n`;
  writeAll(2, host.encode(text), "stderr");
  return 0;
}

/** VERSION answers in the version of the configuration on stdin, if there is one it knows. */
function printVersion(): number {
  const versions: readonly string[] = supportedVersions;
  const asked = versionAsked();
  const cniVersion = versions.includes(asked) ? asked : newestVersion;
  const text = `${JSON.stringify({ cniVersion, supportedVersions: versions })}\n`;
  writeAll(1, host.encode(text), "stdout");
  return 0;
}

function versionAsked(): string {
  try {
    if (descriptorStatus(0).isCharacterDevice) return newestVersion;
    return versionOf(parseStdin(readToEnd(0, "stdin")));
  } catch {
    return newestVersion;
  }
}

function printError(error: CniError, version: string): number {
  const versions: readonly string[] = supportedVersions;
  const text = JSON.stringify(
    {
      cniVersion: versions.includes(version) ? version : newestVersion,
      code: error.code,
      msg: error.message,
      ...(error.details === "" ? {} : { details: error.details }),
    },
    null,
    4,
  );
  host.write(1, host.encode(text));
  return 1;
}
