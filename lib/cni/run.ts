/**
 * The runner: what a plugin has to be, and a program from it. A plugin is a value; everything a
 * process does around it happens here, once.
 */

import * as host from "host";
import { lazily } from "../host/lazy.ts";
import { warn } from "../host/warn.ts";
import { type Netns, ownNetns } from "../net/netns.ts";
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
import { openContainer, openForDel, requireOtherNetns } from "./container-netns.ts";
import { CniError, Code } from "./error.ts";
import type { JsonObject } from "./json.ts";
import type { Result } from "./result.ts";
import { asReadIn, toVersion } from "./result-out.ts";
import { type Handle, serve } from "./serve.ts";
import { requireVersion } from "./version.ts";

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

/** An IPAM plugin's, whose callers in this process read no JSON. */
export interface IpamProgram extends Program {
  /** The result of ADD, as who reads it in the version of the request finds it; not of the oldest ones. */
  readonly result: (request: Request) => Result;
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

/** A program from an IPAM plugin. */
export function ipamPlugin<C>(plugin: IpamPlugin<C>): IpamProgram {
  const add = (request: Request) => {
    requireOtherNetns(request);
    const call = addCall(plugin, request);
    return { call, result: plugin.add(call) };
  };
  const whole = program(plugin, "ipam", (request) => {
    switch (request.environment.command) {
      case "ADD": {
        const { call, result } = add(request);
        return resultOf(result, call, () => plugin.del(delCall(plugin, request)));
      }
      case "CHECK":
        return void plugin.check(checkCall(plugin, request));
      case "DEL":
        return void plugin.del(delCall(plugin, request));
      default:
        return serveNetwork(plugin, request, ownNetns());
    }
  });
  const result = (request: Request) => {
    requireCommand(request);
    const { result } = add(spelledRequest(plugin, request));
    return asReadIn(request.cniVersion, result);
  };
  return { ...whole, result };
}

function interfaceProgram<C>(plugin: InterfacePlugin<C>, kind: "interface" | "chained"): Program {
  return program(plugin, kind, (request) => {
    const { environment } = request;
    const own = ownNetns();
    switch (environment.command) {
      case "ADD": {
        const call = addCall(plugin, request);
        const container = openContainer(request, own);
        const result = plugin.add(call, own, container);
        return resultOf(result, call, () => plugin.del(delCall(plugin, request), own, container));
      }
      case "CHECK":
        return void plugin.check(checkCall(plugin, request), own, openContainer(request, own));
      case "DEL": {
        const { known, container } = openForDel(request, own);
        return void plugin.del(delCall(plugin, known), own, container);
      }
      default:
        return serveNetwork(plugin, request, own);
    }
  });
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

interface NetworkCommands<C> extends PluginBase<C> {
  gc(call: GcCall<C>, host: Netns): void;
  status(call: StatusCall<C>, host: Netns): void;
}

/** GC and STATUS concern a network, not an attachment. */
function serveNetwork<C>(plugin: NetworkCommands<C>, request: Request, own: Netns): undefined {
  if (request.environment.command === "STATUS") {
    return void plugin.status(statusCall(plugin, request), own);
  }
  const call = gcCall(plugin, request);
  if (call) plugin.gc(call, own);
  else warn(nothingCollected(request));
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

function program<C>(plugin: PluginBase<C>, kind: Configuration["kind"], answer: Handle): Program {
  const handle = (request: Request) => {
    requireCommand(request);
    return answer(spelledRequest(plugin, request));
  };
  const check = (config: JsonObject) => void readConfig(plugin, config, true);
  return {
    main: () => host.exit(runCommandLine(plugin) ?? serve(plugin, handle)),
    handle,
    configuration: { kind, keys: plugin.schema.keys, check },
  };
}

const commands = ["ADD", "CHECK", "DEL", "GC", "STATUS"];

/** Throws unless the command is one, and the version of the configuration has it. */
function requireCommand({ environment: { command }, cniVersion }: Request): void {
  if (!commands.includes(command)) {
    throw new CniError(Code.environment, `unknown CNI_COMMAND: ${command}`);
  }
  requireVersion(cniVersion, command);
}

/** A runtime calls without arguments. */
function runCommandLine<C>({ commandLine }: PluginBase<C>): number | undefined {
  if (commandLine === undefined) return undefined;
  const [, ...args] = host.args();
  return args.length > 0 ? lazily<CommandLine>(commandLine).commandLine(args) : undefined;
}
