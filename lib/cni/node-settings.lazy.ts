/** A call on a node that has settings: its defaults are heeded, and the call is logged. */

import * as host from "host";
import { ENOENT, ENOTDIR } from "../host/errno.ts";
import { textIfReadable } from "../host/processes.ts";
import { warn } from "../host/warn.ts";
import type { Request } from "./call.ts";
import { NO_LOG, NODE_FILE, noDefaults } from "./defaults.ts";
import type { Environment } from "./environment.ts";
import { CniError, Code } from "./error.ts";
import type { Json } from "./json.ts";
import { appendLine } from "./log-file.ts";
import { type LoggedCall, logLine, parseTrace } from "./log-line.ts";
import { type LogPlace, type NodeFile, readNodeFile, USUAL_SIZE } from "./node-file.ts";
import { rounded, StepTimes } from "./step-times.ts";
import { listenToSteps } from "./steps.ts";

/** Set by the build from package.json. */
declare const WEFT_VERSION: string;

/** What becomes of a call besides what its plugin does. */
export interface Settings {
  /**
   * Has the request served by the defaults of the node. Throws what is wrong with the node file, unless things
   * are to be removed, for which nothing in it is needed.
   */
  handle(request: Request, serve: (request: Request) => Json | undefined): Json | undefined;
  /** Notes how the call ended, with what ADD prints or an error; never fails. */
  ended(outcome: Json | CniError | undefined): void;
}

/** The settings; the descriptor is the open node file, or why it cannot be opened. */
export function settingsOf(fd: number, plugin: string, environment: Environment): Settings {
  const isNone = fd === -ENOENT || fd === -ENOTDIR;
  const node = isNone ? noSettings : attempt(() => readNodeFile(fd));
  const log = logPlace(node);
  const logged = log && startLogging(log, plugin, environment);
  return {
    handle(request, serve) {
      logged?.name(request);
      return served(node, request, serve);
    },
    ended(outcome) {
      logged?.ended(outcome);
    },
  };
}

const noSettings: NodeFile = { defaults: noDefaults, log: undefined };

function attempt(body: () => NodeFile): NodeFile | CniError {
  try {
    return body();
  } catch (cause) {
    return CniError.from(cause);
  }
}

/**
 * CHECK takes what was made before the node's defaults changed for what it is: right, if it is what
 * the plugin makes of itself.
 */
function served(
  node: NodeFile | CniError,
  request: Request,
  serve: (request: Request) => Json | undefined,
): Json | undefined {
  const { command } = request.environment;
  if (node instanceof CniError) {
    if (command !== "DEL" && command !== "GC") throw node;
    warn(`${node.message}; ${command} does its work without it`);
    return serve(request);
  }
  try {
    return serve({ ...request, defaults: node.defaults });
  } catch (cause) {
    const isOther = cause instanceof CniError && cause.code === Code.checkFailed;
    if (command !== "CHECK" || !isOther || !node.defaults.backend) throw cause;
    return serve(request);
  }
}

/** WEFT_LOG comes before the file, of which the size is taken then; "off" is no log at all. */
function logPlace(node: NodeFile | CniError): LogPlace | undefined {
  const own = node instanceof CniError ? undefined : node.log;
  const file = host.getenv("WEFT_LOG") ?? "";
  if (file === "") return own;
  if (file === NO_LOG) return undefined;
  if (/^\/.*[^/]$/.test(file)) return { file, maxSize: own?.maxSize ?? USUAL_SIZE };
  warn("Cannot log to what WEFT_LOG names: it is no absolute path of a file");
  return undefined;
}

interface Logged {
  name(request: Request): void;
  ended(outcome: Json | CniError | undefined): void;
}

function startLogging(place: LogPlace, plugin: string, environment: Environment): Logged {
  const [time, since] = [host.realtime(), host.monotonic()];
  const times = new StepTimes(host.monotonic);
  let request: Request | undefined;
  listenToSteps((what, program) => times.begin(what, program));
  return {
    name(named) {
      request = named;
      times.begin("configuration", "");
    },
    ended(outcome) {
      const now = host.monotonic();
      const ms = rounded(now - since);
      const call = { ...callOf(plugin, environment, request), ...times.finish(now), time, ms };
      write(place, { ...call, ...outcomeOf(outcome) });
    },
  };
}

function outcomeOf(outcome: Json | CniError | undefined) {
  return outcome instanceof CniError
    ? { error: outcome, result: undefined }
    : { error: undefined, result: outcome };
}

/** No run fails because of its log. */
function write(place: LogPlace, call: LoggedCall): void {
  try {
    appendLine(place, logLine(call));
  } catch (cause) {
    warn(`${CniError.from(cause).message}; this call is not logged (${NODE_FILE}, WEFT_LOG)`);
  }
}

function callOf(plugin: string, environment: Environment, request: Request | undefined) {
  const { command, containerID, ifName, netns } = environment;
  return {
    command,
    plugin,
    version: WEFT_VERSION,
    cniVersion: request?.cniVersion,
    network: request?.network,
    owner: { containerID, ifName, netns },
    pid: host.getpid(),
    parent: parentName(),
    trace: parseTrace(host.getenv("TRACEPARENT") ?? ""),
  };
}

/** By /proc/self/stat: `pid (name) state parent …`, where a name may have anything in it (proc(5)). */
function parentName(): string {
  const text = textIfReadable("/proc/self/stat");
  const [, parent = "0"] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return parent === "0" ? "" : textIfReadable(`/proc/${parent}/comm`).trimEnd();
}
