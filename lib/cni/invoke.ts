/** Executing a plugin as a runtime does: variables and stdin to it, its result or its error back. */

import * as host from "host";
import { ETXTBSY, SystemError } from "../host/errno.ts";
import { type Ended, type Program, runProgram } from "../host/process.ts";
import type { Command, Environment } from "./environment.ts";
import { CniError, Code } from "./error.ts";
import { hasNul, isObject, type Json } from "./json.ts";

/** What a plugin is to do: `stdin` is the configuration, byte for byte. */
export interface Invocation {
  readonly command: Command;
  readonly environment: Environment;
  readonly stdin: Uint8Array;
  /** How long it may take. */
  readonly milliseconds: number;
  /** Other variables that are to be as here, and not as this program has them. */
  readonly variables?: Variables | undefined;
}

export type Variables = { readonly [name: string]: string };

/**
 * Runs the plugin in a file to its end. Returns the JSON that it printed for ADD, else undefined;
 * throws its own error, or code 102 if it cannot be run, is late, or fails without one.
 */
export function invoke(path: string, invocation: Invocation): Json | undefined {
  const { command, environment, stdin, milliseconds } = invocation;
  const env = variablesOf(environment, { ...invocation.variables, CNI_COMMAND: command });
  const ended = runOnceReady({ path, args: [], env, stdin, milliseconds });
  host.write(2, ended.stderr);
  if (ended.status !== 0) throw errorOf(path, ended);
  return command === "ADD" ? readOutput(path, textOf(ended.stdout)) : undefined;
}

/** Our own variables, but those of the protocol as the request has them. */
function variablesOf(environment: Environment, more: Variables): string[] {
  const { containerID, ifName, netns, args, path } = environment;
  const attachment = { CNI_CONTAINERID: containerID, CNI_IFNAME: ifName, CNI_NETNS: netns };
  const given = Object.entries({ ...more, CNI_ARGS: args, CNI_PATH: path, ...attachment });
  const others = host
    .environment()
    .filter((line) => !given.some(([name]) => line.startsWith(`${name}=`)));
  return [
    ...others,
    ...given.filter(([, value]) => value !== "").map(([name, value]) => `${name}=${value}`),
  ];
}

/** A plugin that is just being installed cannot be executed for a moment ("text file busy"). */
function runOnceReady(program: Program): Ended {
  for (let attempt = 1; ; attempt++) {
    try {
      return runProgram(program);
    } catch (cause) {
      const isBusy = cause instanceof SystemError && cause.errno === ETXTBSY;
      if (!isBusy || attempt === 6) {
        throw new CniError(Code.delegate, CniError.from(cause).message);
      }
      host.poll(new Int32Array(0), 200 * attempt);
    }
  }
}

function textOf(output: Uint8Array): string {
  return (host.decode(output) ?? "").trim();
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

/** The error object of the plugin goes up unchanged; without one, its words or its status do. */
function errorOf(path: string, ended: Ended): CniError {
  const { status } = ended;
  const [stdout, stderr] = [textOf(ended.stdout), textOf(ended.stderr)];
  const how = status > 256 ? `killed by signal ${status - 256}` : `exit status ${status}`;
  if (stdout === "") {
    const words = stderr === "" ? `no error message: ${how}` : `"${stderr}": ${how}`;
    return new CniError(Code.delegate, `Cannot run "${path}": netplugin failed with ${words}`);
  }
  const error = parseError(stdout);
  if (error) return error;
  const state = "netplugin failed but error parsing its diagnostic message";
  const details = `${how}; stdout: ${stdout}`;
  return new CniError(Code.delegate, `Cannot run "${path}": ${state}`, details);
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
