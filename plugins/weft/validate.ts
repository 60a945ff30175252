/** Checking network configurations as the plugins of this image would read them. */

import * as host from "host";
import { commonKeys } from "../../lib/cni/config.ts";
import { isPlainName } from "../../lib/cni/environment.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import type { Configuration, Program } from "../../lib/cni/run.ts";
import { supportedVersions } from "../../lib/cni/version.ts";
import { closeFile, O_RDONLY, openFile, readToEnd } from "../../lib/host/file.ts";
import { unknownKeys } from "./keys.ts";

type Keys = Configuration["keys"];

/** What a person should know of a configuration: errors keep it from working, warnings may not. */
export interface Findings {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** Keys of a list of plugins, by the specification. */
const listKeys: Keys = {
  $schema: ["$schema"],
  cniversion: ["cniVersion"],
  cniversions: ["cniVersions"],
  name: ["name"],
  disablecheck: ["disableCheck"],
  disablegc: ["disableGC"],
  loadonlyinlinedplugins: ["loadOnlyInlinedPlugins"],
  plugins: ["plugins"],
};

/** What editors, runtimes and other plugins put into a plugin's configuration. */
const freeKeys: Keys = {
  $schema: ["$schema"],
  args: ["args"],
  runtimeconfig: ["runtimeConfig"],
};

/** Checks a file that holds a network configuration or a list of them; "-" is stdin. */
export function validateFile(file: string): Findings {
  try {
    const json = readJson(file);
    return isObject(json) ? validateNetwork(json) : failed("it is not a JSON object");
  } catch (cause) {
    return failed(CniError.from(cause).message.replace(/^Cannot finish: /, "it is not JSON: "));
  }
}

function readJson(file: string): unknown {
  const fd = file === "-" ? 0 : openFile(file, O_RDONLY);
  const bytes = readToEnd(fd, `"${file}"`);
  if (fd !== 0) closeFile(fd);
  const text = host.decode(bytes);
  if (text === undefined) throw new CniError(Code.decode, "it is not UTF-8");
  return JSON.parse(text);
}

function failed(...errors: readonly string[]): Findings {
  return { errors, warnings: [] };
}

function merged(findings: readonly Findings[]): Findings {
  return {
    errors: findings.flatMap(({ errors }) => errors),
    warnings: findings.flatMap(({ warnings }) => warnings),
  };
}

function validateNetwork(network: JsonObject): Findings {
  const { plugins, name = "", cniVersion = "" } = network;
  const head = failed(...nameErrors(name), ...versionErrors(cniVersion));
  if (plugins === undefined) return merged([head, validatePlugin(network, "")]);
  const unknown = { errors: [], warnings: unknownKeys(network, [listKeys]) };
  if (!Array.isArray(plugins) || plugins.length === 0) {
    return merged([head, unknown, failed("plugins must be a list of at least 1")]);
  }
  const list: readonly Json[] = plugins;
  const each = list.map((plugin, i) =>
    isObject(plugin)
      ? validatePlugin({ ...plugin, name, cniVersion }, `plugins[${i}]`)
      : failed(`plugins[${i}] must be an object`),
  );
  return merged([head, unknown, ...each]);
}

function nameErrors(name: Json): readonly string[] {
  if (typeof name === "string" && isPlainName(name)) return [];
  const rule = "letters, digits, and after the first also _ . -";
  return [`name must be a text of ${rule}, got ${JSON.stringify(name)}`];
}

function versionErrors(version: Json): readonly string[] {
  if (version === "" || supportedVersions.some((supported) => supported === version)) return [];
  const known = supportedVersions.join(", ");
  return [`cniVersion must be one of ${known}, got ${JSON.stringify(version)}`];
}

/** A plugin and its IPAM plugin, each by what it says of itself. */
function validatePlugin(config: JsonObject, path: string): Findings {
  const { type, ipam } = config;
  const at = (key: string) => (path === "" ? key : `${path}.${key}`);
  if (typeof type !== "string" || type === "") return failed(`${at("type")} must name a plugin`);
  if (!isPlugin(type)) return { errors: [], warnings: [foreign(at("type"), type)] };
  const ipamType = isObject(ipam) && typeof ipam.type === "string" ? ipam.type : type;
  const programs = [...new Set([type, ipamType])].filter(isPlugin);
  const trees = programs.map((name) => programOf(name).configuration.keys);
  const other: Keys = isPlugin(ipamType) ? {} : { ipam: ["ipam"] };
  return {
    errors: programs.flatMap((name) => errorsOf(config, name, path)),
    warnings: [
      ...(isPlugin(ipamType) ? [] : [foreign(at("ipam.type"), ipamType)]),
      ...unknownKeys(config, [...trees, commonKeys, freeKeys, other], path),
    ],
  };
}

function foreign(path: string, name: string): string {
  return `${path}: "${name}" is no plugin of this suite, so it was not checked`;
}

function isPlugin(name: string): boolean {
  return name !== "weft" && host.commands().includes(name);
}

function programOf(name: string): Program {
  return host.load(name) as Program;
}

function errorsOf(config: JsonObject, name: string, path: string): readonly string[] {
  try {
    programOf(name).configuration.check(config);
    return [];
  } catch (cause) {
    return [`${path === "" ? "" : `${path}: `}${name}: ${CniError.from(cause).message}`];
  }
}
