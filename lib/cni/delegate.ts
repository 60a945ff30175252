/** Delegation: handing the same request to another plugin (CNI spec, section 4). */

import * as host from "host";
import { ETXTBSY, SystemError } from "../host/errno.ts";
import { type FileStatus, fileStatus, isSameFile } from "../host/file.ts";
import { runProgram } from "../host/process.ts";
import type { Request } from "./call.ts";
import { type Command, type Environment, isPlainName } from "./environment.ts";
import { CniError, Code, configError } from "./error.ts";
import { hasNul, isObject, type Json, type JsonObject } from "./json.ts";

/** How long a delegate may take, in milliseconds: less than runtimes wait for us. */
const DEADLINE = 90_000;
/** How long it may take to take back what a failed ADD may have done: less is left by then. */
const TAKE_BACK_DEADLINE = 10_000;

/** What a module of this image offers to others of it. */
interface InProcess {
  handle(request: Request): Json | undefined;
}

/**
 * Runs another plugin with the same input and variables, only the command replaced. Returns what
 * it printed as JSON (ADD), or undefined. If the file found is this image, no process is made.
 */
export function delegate(type: string, command: Command, request: Request): Json | undefined {
  return runFound(findDelegate(type, request), command, request);
}

/** The same with a plugin that was found before. */
export function runFound(found: PluginFile, command: Command, request: Request): Json | undefined {
  return runPlugin(found, { command, request, milliseconds: DEADLINE });
}

/** Tells a delegate to DEL because this ADD fails; one that hangs is not waited for a second time. */
export function takeBack(type: string, request: Request): void {
  const found = findPlugin(type, request.environment.path);
  runPlugin(found, { command: "DEL", request, milliseconds: TAKE_BACK_DEADLINE });
}

/** Hands a request, with a configuration of the caller's, to a plugin of this very image. */
export function handOver(type: string, request: Request, config: JsonObject): Json | undefined {
  return (host.load(type) as InProcess).handle(reconfigured(request, config));
}

/** The request with another configuration, as its text and as its object. */
export function reconfigured(request: Request, config: JsonObject): Request {
  return { ...request, config, stdin: host.encode(JSON.stringify(config)) };
}

/** The file of a delegate; refused if it cannot be found, before anything has been done for it. */
export function findDelegate(type: string, request: Request): PluginFile {
  return findPlugin(type, request.environment.path);
}

interface Delegation {
  readonly command: Command;
  readonly request: Request;
  readonly milliseconds: number;
}

/** The file of a plugin, and what stat(2) tells of it. */
export interface PluginFile {
  readonly path: string;
  readonly status: FileStatus;
}

function runPlugin({ path, status }: PluginFile, delegation: Delegation): Json | undefined {
  const { command, request } = delegation;
  const served = isThisImage(status) ? host.commandAt(path) : undefined;
  if (served === undefined) return execute(path, delegation);
  const { handle } = host.load(served) as Partial<InProcess>;
  if (!handle) throw new CniError(Code.delegate, `Cannot run "${path}": "${served}" is no plugin`);
  const environment = { ...request.environment, command };
  return handle({ ...request, environment, isDelegated: true });
}

/** The first regular file named `type` in the directories of CNI_PATH. */
function findPlugin(type: string, searchPath: string): PluginFile {
  if (type === "") throw configError("ipam.type", "the name of a plugin", type);
  if (!isPlainName(type)) {
    throw configError("ipam.type", "the plain name of a plugin (invalid plugin name)", type);
  }
  const directories = searchPath.split(":").filter((directory) => directory !== "");
  if (directories.length === 0) {
    throw new CniError(Code.environment, `Cannot find plugin "${type}": CNI_PATH is not set`);
  }
  for (const directory of directories) {
    const path = `${directory}/${type}`;
    const status = fileStatus(path);
    if (status?.isFile) return { path, status };
  }
  throw new CniError(
    Code.delegate,
    `Cannot find plugin "${type}": failed to find it in path [${directories.join(" ")}]`,
  );
}

function isThisImage(found: FileStatus): boolean {
  const own = fileStatus("/proc/self/exe");
  return own !== undefined && isSameFile(found, own);
}

function execute(path: string, { command, request, milliseconds }: Delegation): Json | undefined {
  const program = {
    path,
    args: [],
    env: variables(request.environment, command),
    stdin: request.stdin,
    milliseconds,
  };
  const ended = runPatiently(program);
  const stdout = (host.decode(ended.stdout) ?? "").trim();
  const stderr = (host.decode(ended.stderr) ?? "").trim();
  host.write(2, ended.stderr);
  if (ended.status !== 0) throw failure(path, { status: ended.status, stdout, stderr });
  return command === "ADD" ? readOutput(path, stdout) : undefined;
}

/** Our own variables, but the command's and the attachment's as the request has them. */
function variables({ containerID, ifName, netns }: Environment, command: Command): string[] {
  const attachment = { CNI_CONTAINERID: containerID, CNI_IFNAME: ifName, CNI_NETNS: netns };
  const given = Object.entries({ CNI_COMMAND: command, ...attachment });
  const others = host
    .environment()
    .filter((line) => !given.some(([name]) => line.startsWith(`${name}=`)));
  return [
    ...others,
    ...given.filter(([, value]) => value !== "").map(([name, value]) => `${name}=${value}`),
  ];
}

/** A plugin that is just being installed cannot be executed for a moment ("text file busy"). */
function runPatiently(program: Parameters<typeof runProgram>[0]): ReturnType<typeof runProgram> {
  for (let attempt = 1; ; attempt++) {
    try {
      return runProgram(program);
    } catch (cause) {
      const isBusy = cause instanceof SystemError && cause.errno === ETXTBSY;
      if (!isBusy || attempt === 6) throw delegateFailed(cause);
      host.poll(new Int32Array(0), 200 * attempt);
    }
  }
}

function delegateFailed(cause: unknown): CniError {
  return new CniError(Code.delegate, CniError.from(cause).message);
}

function readOutput(path: string, stdout: string): Json {
  try {
    if (!hasNul(stdout)) return JSON.parse(stdout) as Json;
  } catch {
    throw new CniError(Code.delegate, `Cannot read the result of "${path}": not JSON`, stdout);
  }
  // Neither CHECK nor DEL would take it as the result of ADD.
  throw new CniError(Code.delegate, `Cannot use the result of "${path}": it has a NUL character`);
}

interface Failed {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The error object of the delegate goes up unchanged; without one, its words or its status do. */
function failure(path: string, { status, stdout, stderr }: Failed): CniError {
  const how = status > 256 ? `killed by signal ${status - 256}` : `exit status ${status}`;
  if (stdout === "") {
    const words = stderr === "" ? `no error message: ${how}` : `"${stderr}": ${how}`;
    return new CniError(Code.delegate, `Cannot run "${path}": netplugin failed with ${words}`);
  }
  const error = parseError(stdout);
  if (error) return error;
  return new CniError(
    Code.delegate,
    `Cannot run "${path}": netplugin failed but error parsing its diagnostic message`,
    `${how}; stdout: ${stdout}`,
  );
}

function parseError(stdout: string): CniError | undefined {
  try {
    const json: unknown = JSON.parse(stdout);
    if (!isObject(json)) return undefined;
    const { code, msg, details } = json;
    if (typeof msg !== "string" || msg === "") return undefined;
    const number = typeof code === "number" && code > 0 ? code : Code.delegate;
    return new CniError(number, msg, typeof details === "string" ? details : "");
  } catch {
    return undefined;
  }
}
