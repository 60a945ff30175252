/** One process: from variables and stdin to a request, from its outcome to stdout and exit status. */

import * as host from "host";
import { readToEnd, writeAll } from "../host/file.ts";
import { descriptorStatus } from "../host/file-status.ts";
import { decodeJson, JsonError, parseJson } from "../host/json.ts";
import type { Request } from "./call.ts";
import { memberOf } from "./config.ts";
import { isPlainName, LONGEST_NAME, readEnvironment, requireEnvironment } from "./environment.ts";
import { CniError, Code, configError, oneLine } from "./error.ts";
import { hasNul, isObject, type Json, type JsonObject } from "./json.ts";
import { ofOnePlugin } from "./list.ts";
import { nodeSettings } from "./node.ts";
import type { Settings } from "./node-settings.lazy.ts";
import { newestVersion, supportedVersions } from "./version.ts";

/** Set by the build from package.json. */
declare const WEFT_VERSION: string;

/** Serves a request within this process; returns what ADD prints. */
export type Handle = (request: Request) => Json | undefined;

/** How a plugin introduces itself. */
export interface About {
  readonly name: string;
  /** The version of the reference plugin whose features it has; undefined if there is none. */
  readonly reference?: string;
}

/** Serves one invocation and returns the exit status; whatever happens is on stdout. */
export function serve(about: About, handle: Handle): number {
  let version: string = newestVersion;
  let node: Settings | undefined;
  try {
    const environment = readEnvironment();
    if (environment.command === "") return printAbout(about);
    if (environment.command === "VERSION") return printVersion();
    node = nodeSettings(about.name, environment);
    requireEnvironment(environment);
    const given = readStdin();
    const whole = parseStdin(given);
    version = versionOf(whole);
    const config = ofOnePlugin(whole, about.name, environment.command);
    const stdin = config === whole ? given : host.encode(JSON.stringify(config));
    const request = { environment, stdin, config, cniVersion: version, network: nameOf(config) };
    const output = node ? node.handle(request, handle) : handle(request);
    if (output !== undefined) deliver(output, request, handle);
    node?.ended(output);
    return 0;
  } catch (cause) {
    const error = CniError.from(cause);
    node?.ended(error);
    return printError(error, version);
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
  const config = parseText(stdin);
  if (config === null) throw new CniError(Code.config, "missing network name");
  if (!isObject(config)) throw decodeError("it is not a JSON object");
  return config;
}

function parseText(stdin: Uint8Array): unknown {
  if (stdin.length === 0) throw decodeError("it is empty, but a network configuration is expected");
  try {
    const text = decodeJson(stdin);
    if (hasNul(text)) throw configError("every text", "without NUL characters", "\0");
    return parseJson(text);
  } catch (cause) {
    throw cause instanceof JsonError ? decodeError(cause.message) : cause;
  }
}

function decodeError(state: string): CniError {
  return new CniError(Code.decode, `Cannot read the configuration on stdin: ${state}`);
}

function versionOf(config: JsonObject): string {
  const version = memberOf(config, "cniVersion") ?? "";
  if (typeof version !== "string") throw decodeError("cniVersion is not a text");
  if (version.length > 32)
    throw decodeError(`cniVersion is a text of ${version.length} characters`);
  return version === "" ? "0.1.0" : version;
}

function nameOf(config: JsonObject): string {
  const name = memberOf(config, "name") ?? "";
  if (typeof name !== "string") throw decodeError("name is not a text");
  if (name === "") throw new CniError(Code.config, "missing network name");
  if (name.length > LONGEST_NAME) {
    throw new CniError(Code.config, `network name is longer than ${LONGEST_NAME} characters`);
  }
  if (!isPlainName(name)) {
    throw new CniError(Code.config, "invalid characters found in network name", name);
  }
  return name;
}

/* ---- output ---- */

/** A result that nobody can read is a failed ADD, and is taken back. */
function deliver(output: Json, request: Request, handle: Handle): void {
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

/** Tools read the version in the first line, and ask for one of the reference plugin's. */
function printAbout({ name, reference = WEFT_VERSION }: About): number {
  const versions = supportedVersions.join(", ");
  const first = `CNI ${name} plugin v${reference}+weft.${WEFT_VERSION}`;
  const text = `${first}\nCNI protocol versions supported: ${versions}\n`;
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

/** An error is for people, who read no megabytes. */
function shortened(text: string): string {
  return text.length > 1000 ? `${text.slice(0, 997)}...` : text;
}

function printError(error: CniError, version: string): number {
  const versions: readonly string[] = supportedVersions;
  const text = JSON.stringify(
    {
      cniVersion: versions.includes(version) ? version : newestVersion,
      code: error.code,
      msg: oneLine(shortened(error.message)),
      ...(error.details === "" ? {} : { details: shortened(error.details) }),
    },
    null,
    4,
  );
  host.write(1, host.encode(text));
  return 1;
}
