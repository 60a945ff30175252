/**
 * The runner: what a plugin has to be, and a program from it. A plugin is a value; everything a
 * process does around it happens here, once.
 */

import * as host from "host";
import { EACCES, ELOOP, ENAMETOOLONG, ENXIO, EPERM, SystemError } from "../host/errno.ts";
import { fileStatus, isSameFile, warn } from "../host/file.ts";
import { lazily } from "../host/lazy.ts";
import { isOwnNetns, type Netns, NetnsError, openNetns, ownNetns } from "../net/netns.ts";
import type { AddCall, Chained, CheckCall, DelCall, GcCall, Request, StatusCall } from "./call.ts";
import {
  addCall,
  type CommandLine,
  checkCall,
  delCall,
  gcCall,
  type PluginBase,
  readConfig,
  spelledRequest,
  statusCall,
} from "./calls.ts";
import type { Schema } from "./config.ts";
import { CniError, Code } from "./error.ts";
import type { JsonObject } from "./json.ts";
import type { Result } from "./result.ts";
import { toVersion } from "./result-out.ts";
import { type Handle, serve } from "./serve.ts";
import { checkSupported, isAtLeast } from "./version.ts";

/** A plugin that works on links: it gets the runtime's namespace and the container's. */
export interface InterfacePlugin<C> extends PluginBase<C> {
  add(call: AddCall<C>, host: Netns, container: Netns): Result;
  check(call: CheckCall<C>, host: Netns, container: Netns): void;
  /** `container` is undefined if the namespace is gone, or was not given. */
  del(call: DelCall<C>, host: Netns, container: Netns | undefined): void;
  gc(call: GcCall<C>, host: Netns): void;
  status(call: StatusCall<C>, host: Netns): void;
}

/** A plugin that comes after another in a list: on ADD and CHECK it has that one's result. */
export interface ChainedPlugin<C> extends Omit<InterfacePlugin<C>, "add" | "check"> {
  add(call: Chained<AddCall<C>>, host: Netns, container: Netns): Result;
  check(call: Chained<CheckCall<C>>, host: Netns, container: Netns): void;
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
  readonly handle: Handle;
  readonly configuration: Configuration;
}

/** What can be said of a configuration without running anything. */
export interface Configuration {
  /** What the plugin is for: making an interface, working on another's, or managing addresses. */
  readonly kind: "interface" | "chained" | "ipam";
  readonly keys: Schema["keys"];
  /** Throws what ADD would refuse. */
  readonly check: (config: JsonObject) => void;
}

/** A program from an interface plugin. */
export function interfacePlugin<C>(plugin: InterfacePlugin<C>): Program {
  return interfaceProgram(plugin, "interface");
}

function interfaceProgram<C>(plugin: InterfacePlugin<C>, kind: "interface" | "chained"): Program {
  return program(plugin, kind, (request) => {
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
        const { known, container } = openForDel(request, own);
        return void plugin.del(delCall(plugin, known), own, container);
      }
      default:
        return serveNetwork(plugin, request, own);
    }
  });
}

/** A program from a plugin that must not be the first of a list. */
export function chainedPlugin<C>(plugin: ChainedPlugin<C>): Program {
  const whole = {
    ...plugin,
    add: (call: AddCall<C>, own: Netns, container: Netns) =>
      plugin.add(chained(plugin, call), own, container),
    check: (call: CheckCall<C>, own: Netns, container: Netns) =>
      plugin.check(chained(plugin, call), own, container),
  };
  return interfaceProgram(whole, "chained");
}

function chained<T extends { readonly prevResult: Result | undefined }>(
  { name }: { readonly name: string },
  call: T,
): Chained<T> {
  const { prevResult } = call;
  if (prevResult) return { ...call, prevResult };
  const state = "required prevResult is missing: it must be called as a chained plugin";
  throw new CniError(Code.config, `Cannot run "${name}": ${state}`);
}

/** A program from an IPAM plugin. */
export function ipamPlugin<C>(plugin: IpamPlugin<C>): Program {
  return program(plugin, "ipam", (request) => {
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
    else warn(nothingCollected(request));
  } else if (command === "STATUS") {
    checkAllowed("STATUS", "1.1.0", request.cniVersion);
    plugin.status(statusCall(plugin, request), own);
  } else {
    throw new CniError(Code.environment, `unknown CNI_COMMAND: ${command}`);
  }
}

function nothingCollected({ network }: Request): string {
  const why = 'the configuration has no list "cni.dev/valid-attachments"';
  return `Cannot tell what is left over in network "${network}": ${why}; nothing is removed`;
}

/** The result in the version asked for; one that this version cannot express is taken back. */
function resultOf<C>(result: Result, call: AddCall<C>, takeBack: () => void): JsonObject {
  try {
    return toVersion(result, call.cniVersion, call.attachment.ifName);
  } catch (cause) {
    takeBack();
    throw cause;
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
function refuseOwnNetns({ environment: { netns, netnsOverride }, isDelegated }: Request): void {
  if (netns === "" || netnsOverride || isDelegated) return;
  const given = fileStatus(netns);
  const own = fileStatus("/proc/self/ns/net");
  if (given && own && isSameFile(given, own)) throw sameNetns(netns);
}

/** What DEL works on: the request, and the namespace if there is one that may be the container's. */
interface Removal {
  readonly known: Request;
  readonly container: Netns | undefined;
}

/**
 * DEL: a namespace that is missing, is none, or is the host's own counts as gone, since nothing of
 * the host may be taken for the container's. Delegates are told of no other than was opened here.
 */
function openForDel(request: Request, own: Netns): Removal {
  const { environment } = request;
  const gone = { known: { ...request, environment: { ...environment, netns: "" } } };
  if (environment.netns === "") return { known: request, container: undefined };
  try {
    const container = openNetns(environment.netns);
    if (!isOwnNetns(container)) return { known: request, container };
    return environment.netnsOverride
      ? { known: request, container: own }
      : { ...gone, container: undefined };
  } catch (cause) {
    if (cause instanceof NetnsError && cause.missing)
      return { known: request, container: undefined };
    if (!(cause instanceof NetnsError) && !isClosed(cause)) throw cause;
    return { ...gone, container: undefined };
  }
}

/** What keeps a path from ever being opened, however often DEL is repeated. */
const LASTING: readonly number[] = [EACCES, EPERM, ELOOP, ENAMETOOLONG, ENXIO];

/** True if the path leads nowhere for us, today and tomorrow: that is said, and DEL goes on. */
function isClosed(cause: unknown): boolean {
  if (!(cause instanceof SystemError) || !LASTING.includes(cause.errno)) return false;
  warn(`${cause.message}; it counts as gone`);
  return true;
}

/* ---- programs ---- */

function checkAllowed(command: string, since: string, version: string): void {
  if (!isAtLeast(version, since)) {
    throw new CniError(Code.incompatibleVersion, `config version does not allow ${command}`);
  }
  checkSupported(version);
}

function program<C>(plugin: PluginBase<C>, kind: Configuration["kind"], answer: Handle): Program {
  const handle = (request: Request) => answer(spelledRequest(plugin, request));
  const check = (config: JsonObject) => void readConfig(plugin, config, true);
  return {
    main: () => host.exit(runCommandLine(plugin) ?? serve(plugin, handle)),
    handle,
    configuration: { kind, keys: plugin.schema.keys, check },
  };
}

/** A runtime calls without arguments. */
function runCommandLine<C>({ commandLine }: PluginBase<C>): number | undefined {
  if (commandLine === undefined) return undefined;
  const [, ...args] = host.args();
  return args.length > 0 ? lazily<CommandLine>(commandLine).commandLine(args) : undefined;
}
