/**
 * Networks as lists of plugins, found and read as libcni does:
 *
 *   NETCONFPATH/*.conflist          in the order of their names; the first one of the wanted name
 *   NETCONFPATH/*.conf, *.json      one plugin each, if no list has the name
 *   NETCONFPATH/<network>/*.conf    more plugins of the list <network>, unless it says otherwise
 */

import { memberOf } from "../lib/cni/config.ts";
import { isPlainName } from "../lib/cni/environment.ts";
import { brief, CniError, Code } from "../lib/cni/error.ts";
import { isGiven, isObject, type Json, type JsonObject } from "../lib/cni/json.ts";
import { supportedVersions } from "../lib/cni/version.ts";
import { listDirectory } from "../lib/host/directory.ts";
import { readTextIfPresent } from "../lib/host/file.ts";
import { fileStatus } from "../lib/host/file-status.ts";
import { parseJson } from "../lib/host/json.ts";

/** A network: its plugins in the order of ADD, each as its part of the file says. */
export interface NetworkList {
  readonly name: string;
  /** The newest of those that it names and this suite knows, or what it names; "" if nothing. */
  readonly cniVersion: string;
  readonly disableCheck: boolean;
  readonly disableGC: boolean;
  readonly plugins: readonly JsonObject[];
  /** All of it as one list, which is kept with a result for DEL. */
  readonly text: string;
}

/** The network of a name; undefined if no file of the directory has it. A faulty file is an error. */
export function findList(directory: string, name: string): NetworkList | undefined {
  return (
    firstNamed(name, filesOf(directory, [".conflist"]), (path) => listIn(path, fileAt(path))) ??
    firstNamed(name, filesOf(directory, [".conf", ".json"]), (path) =>
      single(path, fileAt(path).json),
    )
  );
}

/** A file of a directory of networks: what it says, or why it cannot be used. */
export interface FoundList {
  readonly path: string;
  readonly list: NetworkList | undefined;
  /** In words, if there is no list. */
  readonly fault: string | undefined;
}

/** All files of a directory that may be networks, in the order in which runtimes take them. */
export function readAllLists(directory: string): readonly FoundList[] {
  return filesOf(directory, [".conflist", ".conf", ".json"]).map((path) => {
    try {
      const file = fileAt(path);
      const list = path.endsWith(".conflist") ? listIn(path, file) : single(path, file.json);
      return { path, list, fault: undefined };
    } catch (cause) {
      return { path, list: undefined, fault: CniError.from(cause).message };
    }
  });
}

/** The network in a file, which may be a list or one plugin. */
export function readList(path: string): NetworkList {
  const file = fileAt(path);
  const isList = file.json.plugins !== undefined || path.endsWith(".conflist");
  return isList ? listIn(path, file) : single(path, file.json);
}

/**
 * The network that a kept configuration says; undefined if it says none. Plugins that lay in a
 * folder of their own when another program kept it are looked for below `directory`.
 */
export function listFromText(text: string, directory: string): NetworkList | undefined {
  try {
    const json = parseJson(text);
    if (!isObject(json)) return undefined;
    const path = `${directory}/kept.conflist`;
    return Array.isArray(json.plugins) ? listIn(path, { json, text }) : single(path, json);
  } catch {
    return undefined;
  }
}

function firstNamed(
  name: string,
  paths: readonly string[],
  read: (path: string) => NetworkList,
): NetworkList | undefined {
  for (const path of paths) {
    const list = read(path);
    if (list.name === name) return list;
  }
  return undefined;
}

/** Files with one of some endings, in the order of their names; none if there is no directory. */
function filesOf(directory: string, endings: readonly string[]): readonly string[] {
  if (!fileStatus(directory)?.isDirectory) return [];
  return listDirectory(directory)
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .sort()
    .map((name) => `${directory}/${name}`)
    .filter((path) => !fileStatus(path)?.isDirectory);
}

/** A file's text, and the object it says. */
interface Written {
  readonly json: JsonObject;
  readonly text: string;
}

function fileAt(path: string): Written {
  const text = readTextIfPresent(path);
  if (text === undefined) throw unusable(path, "there is no such file");
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (cause) {
    throw unusable(path, cause instanceof Error ? cause.message : String(cause), Code.decode);
  }
  if (!isObject(json)) throw unusable(path, "it is not a JSON object", Code.decode);
  return { json, text };
}

/** A list, which is kept as it was written if nothing has to be added to it. */
function listIn(path: string, { json, text }: Written): NetworkList {
  const { name } = json;
  if (typeof name !== "string" || name === "") throw unusable(path, `"name" must be a text`);
  const flag = (key: string) => flagIn(path, json, key);
  const isClosed = flag("loadOnlyInlinedPlugins");
  if (isClosed && json.plugins === undefined) {
    throw unusable(path, 'it has no "plugins", but "loadOnlyInlinedPlugins" is true');
  }
  const inlined = inlinedIn(path, json);
  const more = isClosed ? [] : pluginsBeside(path, name);
  const plugins = [...inlined, ...more];
  if (plugins.length === 0) throw unusable(path, "it has no plugins");
  return {
    name,
    cniVersion: versionIn(json),
    disableCheck: flag("disableCheck"),
    disableGC: flag("disableGC"),
    plugins,
    text:
      more.length === 0 ? text : JSON.stringify({ ...json, plugins, loadOnlyInlinedPlugins: true }),
  };
}

/** One plugin as a list of its own. */
function single(path: string, json: JsonObject): NetworkList {
  const [name, cniVersion] = [memberOf(json, "name"), memberOf(json, "cniVersion")];
  const head = { name, ...(cniVersion === undefined ? {} : { cniVersion }) };
  requireType(path, json);
  const list = { ...head, plugins: [json] };
  return listIn(path, {
    json: { ...list, loadOnlyInlinedPlugins: true },
    text: JSON.stringify(list),
  });
}

function inlinedIn(path: string, { plugins }: JsonObject): readonly JsonObject[] {
  if (plugins === undefined) return [];
  const isList = Array.isArray(plugins) && plugins.length > 0;
  if (!isList)
    throw unusable(path, `"plugins" must be a list of at least 1, got ${brief(plugins)}`);
  return plugins.map((plugin: Json, i) => {
    if (isObject(plugin)) return requireType(path, plugin);
    throw unusable(path, `plugins[${i}] must be an object, got ${brief(plugin)}`);
  });
}

function pluginsBeside(path: string, name: string): readonly JsonObject[] {
  if (!isPlainName(name)) return [];
  const folder = `${path.slice(0, path.lastIndexOf("/") + 1)}${name}`;
  return filesOf(folder, [".conf"]).map((file) => requireType(file, fileAt(file).json));
}

function requireType(path: string, plugin: JsonObject): JsonObject {
  const type = memberOf(plugin, "type");
  if (typeof type === "string" && isPlainName(type)) return plugin;
  throw unusable(path, `"type" must be the plain name of a plugin, got ${brief(type ?? null)}`);
}

/** A switch, which may also be the text "true" or "false" in any case. */
function flagIn(path: string, json: JsonObject, key: string): boolean {
  const value = json[key] ?? false;
  if (typeof value === "boolean") return value;
  const word = typeof value === "string" ? value.toLowerCase() : "";
  if (word === "true" || word === "false") return word === "true";
  throw unusable(path, `"${key}" must be true or false, got ${brief(value)}`);
}

/** What is not known is told when the list is used: other networks' files do not matter. */
function versionIn({ cniVersion, cniVersions }: JsonObject): string {
  const more = isGiven(cniVersions) ? cniVersions : [];
  const named: readonly Json[] = [
    ...(isGiven(cniVersion) && cniVersion !== "" ? [cniVersion] : []),
    ...(Array.isArray(more) ? more : [more]),
  ];
  const newest = supportedVersions.filter((version) => named.includes(version)).at(-1);
  return newest ?? named.map((name) => (typeof name === "string" ? name : brief(name))).join(", ");
}

/** Throws if a list names versions, but none that this suite knows. */
export function requireKnownVersion({ name, cniVersion }: NetworkList): void {
  const known: readonly string[] = supportedVersions;
  if (cniVersion === "" || known.includes(cniVersion)) return;
  const state = `its cniVersion must be one of ${known.join(", ")}, got ${brief(cniVersion)}`;
  throw new CniError(Code.incompatibleVersion, `Cannot run network "${name}": ${state}`);
}

function unusable(path: string, state: string, code: number = Code.config): CniError {
  return new CniError(code, `Cannot use "${path}": ${state}`);
}
