/**
 * The node file: JSON that root writes. What is wrong with it is an error and never left out, since a
 * port that is not reserved, or rules in the other packet filter, are a deny that nobody notices.
 */

import * as host from "host";
import { checked, ENOENT, ENOTDIR } from "../host/errno.ts";
import { closeFile, O_NONBLOCK, O_RDONLY, readToEnd } from "../host/file.ts";
import { decodeJson, JsonError, parseJson } from "../host/json.ts";
import { isOwnUser } from "../host/own-user.ts";
import { requireValid } from "./config.ts";
import { type Defaults, NODE_FILE } from "./defaults.ts";
import { CniError, Code, ConfigError, configError } from "./error.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { parseReserved } from "./reserved-ports.ts";
import * as schema from "./weft-node.schema.json";

/** Where the log is, and how many bytes it may have. */
export interface LogPlace {
  readonly file: string;
  readonly maxSize: number;
}

/** What the file says. */
export interface NodeFile {
  readonly defaults: Defaults;
  readonly log: LogPlace | undefined;
}

/** How long a log may get for which nothing is said. */
export const USUAL_SIZE = 10_000_000;

/** Reads the file if there is one; throws CniError if it cannot be used. */
export function findNodeFile(): NodeFile | undefined {
  const fd = host.open(NODE_FILE, O_RDONLY | O_NONBLOCK, 0);
  return fd === -ENOENT || fd === -ENOTDIR ? undefined : readNodeFile(fd);
}

/** Reads the file that is open, and closes it; a negative descriptor is why it cannot be opened. */
export function readNodeFile(fd: number): NodeFile {
  try {
    return parseNodeFile(jsonIn(fd));
  } catch (cause) {
    if (cause instanceof ConfigError) {
      const { path, state } = cause;
      throw unusable(Code.config, path === "" ? state : `${path} ${state}`);
    }
    if (cause instanceof JsonError) throw unusable(Code.decode, cause.message);
    throw cause;
  }
}

/** What the JSON of the file says; throws ConfigError. */
export function parseNodeFile(json: unknown): NodeFile {
  if (!isObject(json)) throw new ConfigError("", "it is not a JSON object");
  requireKnown(json, "", schema.keys);
  requireValid(json, schema);
  parseReserved(json, true);
  const { backend, reservedHostPorts } = json as Defaults;
  return { defaults: { backend, reservedHostPorts }, log: parseLog(json.log) };
}

function unusable(code: number, state: string): CniError {
  return new CniError(code, `Cannot use "${NODE_FILE}": ${state}`);
}

/** Who may write besides the owner; root's own group has no other members. */
const BY_OTHERS = 0o022;
const BY_EVERYBODY = 0o002;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;

function jsonIn(fd: number): unknown {
  checked(fd, "open", NODE_FILE);
  try {
    const fields = new Float64Array(8);
    checked(host.fstat(fd, fields), `stat "${NODE_FILE}"`);
    const [, , mode = 0, , , , user = -1, group] = fields;
    if ((mode & S_IFMT) !== S_IFREG) throw unusable(Code.system, "it is no regular file");
    if (!isOwnUser(user) || mode & (group === 0 ? BY_EVERYBODY : BY_OTHERS)) {
      const state = "others than root may write to it; make it root's, with mode 0644";
      throw unusable(Code.system, state);
    }
    return parseJson(decodeJson(readToEnd(fd, `"${NODE_FILE}"`)));
  } finally {
    closeFile(fd);
  }
}

/** A key that is spelled wrong would be a setting that nobody heeds. */
function requireKnown(json: JsonObject, path: string, keys: typeof schema.keys): void {
  for (const key of Object.keys(json)) {
    const [spelling, below] = keys[key.toLowerCase()] ?? [];
    const place = path === "" ? key : `${path}.${key}`;
    const names = Object.values(keys).map(([name]) => `"${name}"`);
    if (spelling !== key) throw new ConfigError(place, `is unknown; known are ${names.join(", ")}`);
    const value = json[key];
    if (below && isObject(value)) requireKnown(value, place, below);
  }
}

function parseLog(log: Json | undefined): LogPlace | undefined {
  if (log === undefined) return undefined;
  const { file, maxSize } = isObject(log) ? log : { file: log };
  const path = isObject(log) ? "log.file" : "log";
  if (typeof file !== "string" || !/^\/[^\0]*[^/]$/.test(file)) {
    throw configError(path, "an absolute path of a file", file);
  }
  return { file, maxSize: parseSize(maxSize) };
}

const units = { KB: 1e3, MB: 1e6, GB: 1e9 } as const;
/** Less than this would be rotated all the time, and could lose what was just said. */
const LEAST_SIZE = 64_000;

function parseSize(size: Json | undefined): number {
  if (size === undefined) return USUAL_SIZE;
  const [, digits, unit] = /^(\d{1,15}) ?(KB|MB|GB)?$/.exec(String(size)) ?? [];
  const bytes = Number(digits) * (units[unit as keyof typeof units] ?? 1);
  if (bytes >= LEAST_SIZE) return bytes;
  throw configError("log.maxSize", 'a size of at least 64 KB, such as "10 MB"', size);
}
