/**
 * Delegation: handing the same request to another plugin (CNI spec, section 4). A plugin of this
 * image is run within the process; any other is executed.
 */

import * as host from "host";
import type { Request } from "./call.ts";
import type { Command } from "./environment.ts";
import { CniError, Code } from "./error.ts";
import { findPlugin, isThisImage, type PluginFile } from "./find-plugin.ts";
import { invoke } from "./invoke.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Result } from "./result.ts";
import { type Origin, parseResult } from "./result-in.ts";
import { begin, end } from "./steps.ts";
import { resultShape } from "./version.ts";

/** How long a delegate may take, in milliseconds: less than runtimes wait for us. */
const DEADLINE = 90_000;
/** How long it may take to take back what a failed ADD may have done: less is left by then. */
const TAKE_BACK_DEADLINE = 10_000;

/**
 * Runs another plugin with the same input and variables, only the command replaced. Returns what
 * it printed as JSON (ADD), or undefined. If the file found is this image, no process is made.
 */
export function delegate(type: string, command: Command, request: Request): Json | undefined {
  return runFound(findDelegate(type, request), command, request);
}

/** The file of a delegate; throws if it cannot be found, before anything has been done for it. */
export function findDelegate(type: string, { environment }: Request): PluginFile {
  return findPlugin(type, environment.path);
}

/** The same as `delegate` with a plugin that was found before. */
export function runFound(found: PluginFile, command: Command, request: Request): Json | undefined {
  return run(found, { command, request, milliseconds: DEADLINE });
}

/** ADD of a plugin that was found before, and its result; errors over what it printed are `origin`'s. */
export function resultFrom(found: PluginFile, request: Request, origin: Origin): Result {
  const own = resultShape(request.cniVersion) === 1 ? undefined : findInProcess(found)?.result;
  if (!own) return parseResult(runFound(found, "ADD", request) ?? null, origin);
  begin("ADD", found.path);
  const result = own(handed(request, "ADD"));
  end();
  return result;
}

/** Tells a delegate to DEL because this ADD fails; one that hangs is not waited for a second time. */
export function takeBack(type: string, request: Request): void {
  run(findDelegate(type, request), { command: "DEL", request, milliseconds: TAKE_BACK_DEADLINE });
}

interface Delegation {
  readonly command: Command;
  readonly request: Request;
  readonly milliseconds: number;
}

function run(file: PluginFile, delegation: Delegation): Json | undefined {
  begin(delegation.command, file.path);
  const output = answerOf(file, delegation);
  end();
  return output;
}

function answerOf(
  file: PluginFile,
  { command, request, milliseconds }: Delegation,
): Json | undefined {
  const { environment, stdin } = request;
  const own = findInProcess(file);
  if (own) return own.handle(handed(request, command));
  return invoke(file.path, { command, environment, stdin, milliseconds });
}

/** The plugin in a file, if that is this image. */
function findInProcess(file: PluginFile): InProcess | undefined {
  const served = isThisImage(file) ? host.commandAt(file.path) : undefined;
  if (served === undefined) return undefined;
  const program = host.load(served) as Partial<InProcess>;
  if (program.handle) return program as InProcess;
  throw new CniError(Code.delegate, `Cannot run "${file.path}": "${served}" is no plugin`);
}

function handed(request: Request, command: Command): Request {
  return { ...request, environment: { ...request.environment, command }, isDelegated: true };
}

/** What a module of this image offers to others of it. */
interface InProcess {
  handle(request: Request): Json | undefined;
  /** What ADD makes, where nobody needs it in words. */
  readonly result?: (request: Request) => Result;
}

/** Hands a request, with a configuration of the caller's, to a plugin of this very image. */
export function handOver(type: string, request: Request, config: JsonObject): Json | undefined {
  return (host.load(type) as InProcess).handle(reconfigured(request, config));
}

/** The request with another configuration, as its text and as its object. */
export function reconfigured(request: Request, config: JsonObject): Request {
  return { ...request, config, stdin: host.encode(JSON.stringify(config)) };
}
