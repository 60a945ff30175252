/** Checking network configurations as libcni loads them and the plugins of this image read them. */

import { CniError, ConfigError } from "../lib/cni/error.ts";
import { isObject, type Json, type JsonObject } from "../lib/cni/json.ts";
import { parseNodeFile } from "../lib/cni/node-file.ts";
import { listDirectory } from "../lib/host/directory.ts";
import { EACCES, EISDIR, ENOENT, ENOTDIR, SystemError } from "../lib/host/errno.ts";
import { closeFile, O_RDONLY, openFile, readToEnd } from "../lib/host/file.ts";
import { descriptorStatus, fileStatus } from "../lib/host/file-status.ts";
import { decodeJson, JsonError, parseJson } from "../lib/host/json.ts";
import { below, error, type Finding, warning } from "./findings.ts";
import { duplicateKeys } from "./keys.ts";
import { type FileKind, type Member, validateNetwork } from "./network.ts";
import type { PluginReport } from "./plugin.ts";

/** Checks a file that holds a network configuration or a list of them; "-" is stdin. */
export function validateFile(file: string): PluginReport {
  const { json, findings } = readJson(file);
  if (!isObject(json)) return { findings, plugins: 0, checked: 0 };
  if (isNodeFile(file, json)) {
    return { findings: [...findings, ...nodeFindings(json)], plugins: 0, checked: 0 };
  }
  const more = memberFiles(file, json);
  const report = validateNetwork(json, kindOf(file), more.members);
  return {
    ...report,
    findings: [...nameFindings(file), ...findings, ...more.findings, ...report.findings],
  };
}

/** True if standard input is a terminal, or another device that nobody has put a file into. */
export function isTerminal(): boolean {
  try {
    return descriptorStatus(0).isCharacterDevice;
  } catch {
    return false;
  }
}

/** True for what is said of a node: by the name of its file, or since it has keys of that only. */
function isNodeFile(file: string, json: JsonObject): boolean {
  if (/(^|\/)weft\.json$/.test(file)) return true;
  const keys = Object.keys(json).filter((key) => key !== "$schema");
  const isOfNode = (key: string) => ["log", "backend", "reservedHostPorts"].includes(key);
  return keys.length > 0 && keys.every(isOfNode);
}

function nodeFindings(json: JsonObject): readonly Finding[] {
  try {
    parseNodeFile(json);
    return [];
  } catch (cause) {
    if (cause instanceof ConfigError) return [error(cause.path, cause.state)];
    throw cause;
  }
}

function kindOf(file: string): FileKind {
  if (file.endsWith(".conflist")) return "list";
  return /\.(conf|json)$/.test(file) ? "single" : "any";
}

function nameFindings(file: string): readonly Finding[] {
  if (file === "-" || kindOf(file) !== "any") return [];
  return [warning("", "no runtime reads it: the name must end in .conflist, .conf or .json")];
}

interface Read {
  readonly json: unknown;
  readonly findings: readonly Finding[];
}

function readJson(file: string): Read {
  try {
    const bytes = readBytes(file);
    if (bytes.length === 0) return failed("it is empty, but a network configuration is expected");
    const text = decodeJson(bytes);
    const json = parseText(text);
    if (!isObject(json)) return failed("it is not a JSON object");
    return { json, findings: duplicateKeys(text) };
  } catch (cause) {
    return failed(unreadable(cause));
  }
}

function failed(state: string): Read {
  return { json: undefined, findings: [error("", state)] };
}

function readBytes(file: string): Uint8Array {
  if (file === "-") return readToEnd(0, "standard input");
  const fd = openFile(file, O_RDONLY);
  try {
    return readToEnd(fd, `"${file}"`);
  } finally {
    closeFile(fd);
  }
}

function parseText(text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw cause instanceof JsonError ? new JsonError(`it is not JSON: ${cause.message}`) : cause;
  }
}

/** Why a file cannot be read, in words for those who named it. */
function unreadable(cause: unknown): string {
  if (cause instanceof JsonError) return cause.message;
  const errno = cause instanceof SystemError ? cause.errno : 0;
  if (errno === ENOENT || errno === ENOTDIR) return "there is no such file";
  if (errno === EISDIR) return "it is a directory: name the files in it";
  if (errno === EACCES) return "this user may not read it";
  return CniError.from(cause).message;
}

interface Members {
  readonly members: readonly Member[];
  readonly findings: readonly Finding[];
}

/**
 * Plugins that libcni adds to a list: the .conf files, in order, of the folder that lies beside it
 * and has the network's name.
 */
function memberFiles(file: string, network: JsonObject): Members {
  const { name, loadOnlyInlinedPlugins: only } = network;
  const none = { members: [], findings: [] };
  if (kindOf(file) !== "list" || typeof name !== "string" || !/^\w[\w.-]*$/.test(name)) return none;
  if (only === true || String(only).toLowerCase() === "true") return none;
  const folder = `${file.slice(0, file.lastIndexOf("/") + 1)}${name}`;
  if (!fileStatus(folder)?.isDirectory) return none;
  const files = listDirectory(folder).filter((each) => each.endsWith(".conf"));
  const read = files
    .sort()
    .map((each) => ({ path: `${name}/${each}`, ...readJson(`${folder}/${each}`) }));
  return {
    members: read.flatMap(({ path, json }) =>
      isObject(json) ? [{ path, config: json as Json }] : [],
    ),
    findings: read.flatMap(({ path, findings }) =>
      findings.map((each) => ({ ...each, path: below(path, each.path) })),
    ),
  };
}
