/** What a command line needs besides a plugin's own verbs: text out, and a configuration by file. */

import * as host from "host";
import { readTextIfPresent } from "../host/file.ts";
import { parseJson } from "../host/json.ts";
import { memberOf } from "./config.ts";
import { isPlainName, LONGEST_NAME } from "./environment.ts";
import { brief, CniError, Code } from "./error.ts";
import { isObject, type JsonObject } from "./json.ts";
import { pluginIn } from "./list.ts";

/** Writes a line for people or programs. */
export function sayLine(stream: "stdout" | "stderr", line: string): void {
  host.write(stream === "stdout" ? 1 : 2, host.encode(`${line}\n`));
}

/** The configuration of one plugin in a file, alone or in a list, with the name of the network. */
export function readPluginConfig(path: string, type: string): JsonObject {
  const text = readTextIfPresent(path);
  if (text === undefined) throw unreadable(path, "there is no such file");
  const json = parse(path, text);
  requireName(path, json);
  if (!Array.isArray(json.plugins)) return json;
  const own = pluginIn(json, type);
  if (!own) throw unreadable(path, `its list has no plugin of type "${type}"`);
  return own;
}

/** The name becomes part of paths and rules, as with a configuration that a runtime gives. */
function requireName(path: string, config: JsonObject): void {
  const name = memberOf(config, "name");
  if (typeof name === "string" && isPlainName(name) && name.length <= LONGEST_NAME) return;
  throw unreadable(path, `its "name" is no plain name of a network, got ${brief(name)}`);
}

function parse(path: string, text: string): JsonObject {
  try {
    const json = parseJson(text);
    if (isObject(json)) return json;
  } catch (cause) {
    throw unreadable(path, cause instanceof Error ? cause.message : String(cause));
  }
  throw unreadable(path, "it is not a JSON object");
}

function unreadable(path: string, state: string): CniError {
  return new CniError(Code.decode, `Cannot use "${path}": ${state}`);
}
