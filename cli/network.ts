/** A network as libcni loads it: a list of plugins, or a single one, by the name of its file. */

import { isPlainName } from "../lib/cni/environment.ts";
import { isObject, type Json, type JsonObject } from "../lib/cni/json.ts";
import { supportedVersions } from "../lib/cni/version.ts";
import { below, error, type Finding, shown, warning } from "./findings.ts";
import { unknownKeys } from "./keys.ts";
import { kindOf, type PluginReport, validatePlugin } from "./plugin.ts";

/** Keys of a list of plugins, by the specification. */
const listKeys = {
  $schema: ["$schema"],
  cniversion: ["cniVersion"],
  cniversions: ["cniVersions"],
  name: ["name"],
  disablecheck: ["disableCheck"],
  disablegc: ["disableGC"],
  loadonlyinlinedplugins: ["loadOnlyInlinedPlugins"],
  plugins: ["plugins"],
} as const;

/** A plugin with where it is: `plugins[0]`, or a file of its own. */
export interface Member {
  readonly path: string;
  readonly config: Json;
}

/** What a file is by its name: "any" is standard input, which says itself what it is. */
export type FileKind = "list" | "single" | "any";

/** Checks a network; `more` are plugins from the folder that has its name. */
export function validateNetwork(
  network: JsonObject,
  kind: FileKind,
  more: readonly Member[],
): PluginReport {
  const hasList = network.plugins !== undefined;
  const isList = kind === "list" || (kind === "any" && hasList) || (hasList && kind === "single");
  return isList ? validateList(network, kind, more) : validateSingle(network, kind === "any");
}

/** Standard input may be what a runtime gives a plugin: then it may say what a file should not. */
function validateSingle(network: JsonObject, isInput: boolean): PluginReport {
  const config = exactly(network, ["name", "cniVersion"]);
  const isOfRuntime =
    isInput && (config.prevResult !== undefined || kindOf(config.type) === "ipam");
  const report = validatePlugin(config, "");
  const findings = [
    ...nameFindings(config.name),
    ...versionFindings(config.cniVersion, undefined),
    ...(isInput ? [] : runtimeFindings(config, "")),
    ...(isOfRuntime ? [] : orderFindings([{ path: "", config }])),
    ...report.findings,
  ];
  return { ...report, findings };
}

/** In a single plugin's file libcni reads keys whatever their case, in a list it does not. */
function exactly(network: JsonObject, names: readonly string[]): JsonObject {
  const renamed = Object.entries(network).map(([key, value]) => {
    const name = names.find((wanted) => wanted.toLowerCase() === key.toLowerCase());
    return [name === undefined || network[name] !== undefined ? key : name, value] as const;
  });
  return Object.fromEntries(renamed);
}

function validateList(given: JsonObject, kind: FileKind, more: readonly Member[]): PluginReport {
  const network = exactly(
    given,
    Object.values(listKeys).map(([name]) => name),
  );
  const { name = "", cniVersion = "" } = network;
  const { members, findings } = membersOf(network, kind, more);
  const reports = members.map(({ path, config }) => memberReport(config, path, network));
  const sum = (count: (report: PluginReport) => number) =>
    reports.reduce((total, report) => total + count(report), 0);
  return {
    findings: [
      ...(kind === "single" ? [error("plugins", notAList)] : []),
      ...nameFindings(name),
      ...versionFindings(cniVersion, network.cniVersions),
      ...flagFindings(network),
      ...spellingFindings(given),
      ...findings,
      ...orderFindings(members),
      ...reports.flatMap((report) => report.findings),
    ],
    plugins: sum(({ plugins }) => plugins),
    checked: sum(({ checked }) => checked),
  };
}

const notAList = "a list of plugins is only read from a file whose name ends in .conflist";
const onlyOne =
  "missing: a .conflist has a list of plugins; the configuration of one goes into a .conf";

function membersOf(
  { plugins, type, loadOnlyInlinedPlugins }: JsonObject,
  kind: FileKind,
  more: readonly Member[],
): { readonly members: readonly Member[]; readonly findings: readonly Finding[] } {
  if (plugins === undefined) {
    const isAlone = loadOnlyInlinedPlugins === true || more.length === 0;
    const state = type === undefined ? "must be a list of at least 1" : onlyOne;
    return { members: more, findings: isAlone ? [error("plugins", state)] : [] };
  }
  if (!Array.isArray(plugins) || plugins.length === 0) {
    const state = `must be a list of at least 1, got ${shown(plugins)}`;
    return { members: [], findings: [error("plugins", state)] };
  }
  const list: readonly Json[] = plugins;
  const own = list.map((config, i) => ({ path: `plugins[${i}]`, config }));
  return { members: kind === "single" ? own : [...own, ...more], findings: [] };
}

/** Each plugin gets the name and the version of the list, whatever it says itself. */
function memberReport(config: Json, path: string, network: JsonObject): PluginReport {
  if (!isObject(config)) {
    const findings = [error(path, `must be an object, got ${shown(config)}`)];
    return { findings, plugins: 1, checked: 0 };
  }
  const { name = "", cniVersion = "" } = network;
  const overridden = (["name", "cniVersion"] as const)
    .filter((key) => config[key] !== undefined && config[key] !== network[key])
    .map((key) => warning(`${path}.${key}`, `ignored, the list says ${shown(network[key])}`));
  const report = validatePlugin({ ...config, name, cniVersion }, path);
  const ofRuntime = runtimeFindings(config, path);
  return { ...report, findings: [...overridden, ...ofRuntime, ...report.findings] };
}

/** Reserved keys, with which a runtime tells a plugin what came before. */
function runtimeFindings(config: JsonObject, path: string): readonly Finding[] {
  return Object.keys(config)
    .filter((key) => key === "prevResult" || key.startsWith("cni.dev/"))
    .map((key) => warning(below(path, key), "comes from the runtime, not from a file"));
}

function nameFindings(name: Json | undefined): readonly Finding[] {
  if (typeof name === "string" && isPlainName(name)) return [];
  const rule = "letters, digits, and after the first also _ . -";
  return [error("name", `must be a text of ${rule}, got ${shown(name)}`)];
}

function isSupported(version: Json): boolean {
  return supportedVersions.some((supported) => supported === version);
}

/** Of `cniVersion` and `cniVersions` the newest that the runtime knows counts. */
function versionFindings(
  version: Json | undefined,
  versions: Json | undefined,
): readonly Finding[] {
  const known = supportedVersions.join(", ");
  const others: readonly Json[] = Array.isArray(versions) ? versions : [];
  const strange = others.findIndex(
    (each) => typeof each !== "string" || !/^\d{1,9}(\.\d{1,9}){0,2}$/.test(each),
  );
  if (versions !== undefined && !Array.isArray(versions)) {
    return [error("cniVersions", `must be a list of versions, got ${shown(versions)}`)];
  }
  if (strange >= 0) {
    const state = `must be a version such as "1.0.0", got ${shown(others[strange])}`;
    return [error(`cniVersions[${strange}]`, state)];
  }
  if (others.some(isSupported)) return [];
  if (version === undefined || version === "") {
    if (others.length > 0) return [error("cniVersions", `must have one of ${known}`)];
    const state = "missing, so plugins work as of 0.1.0: without CHECK, GC and STATUS";
    return [warning("cniVersion", state)];
  }
  if (isSupported(version)) return [];
  return [error("cniVersion", `must be one of ${known}, got ${shown(version)}`)];
}

/** libcni takes the words as well as the values. */
function flagFindings(network: JsonObject): readonly Finding[] {
  return (["disableCheck", "disableGC", "loadOnlyInlinedPlugins"] as const).flatMap((key) => {
    const value = network[key];
    const isFlag = typeof value === "boolean" || /^(true|false)$/i.test(String(value));
    return value === undefined || isFlag
      ? []
      : [error(key, `must be true or false, got ${shown(value)}`)];
  });
}

/** Unknown keys of a list, and known ones in another case, which libcni does not know either. */
function spellingFindings(network: JsonObject): readonly Finding[] {
  const strange = Object.keys(network).flatMap((key) => {
    const known = Object.values(listKeys).find(
      ([name]) => name.toLowerCase() === key.toLowerCase(),
    );
    return known && known[0] !== key ? [error(key, `must be spelled "${known[0]}"`)] : [];
  });
  return [...strange, ...unknownKeys(network, [listKeys])];
}

/** The first plugin has to make the interface that the others work on, and one is enough. */
function orderFindings(members: readonly Member[]): readonly Finding[] {
  const types = members.map(({ path, config }) => {
    const type = isObject(config) ? config.type : undefined;
    return { path: path === "" ? "type" : `${path}.type`, type, kind: kindOf(type) };
  });
  const [first, ...others] = types;
  const makers = types.filter(({ type, kind }) => kind === "interface" && type !== "loopback");
  return [
    ...(first?.kind === "chained" ? [error(first.path, `"${first.type}" ${afterOther}`)] : []),
    ...[first, ...others].flatMap((each) =>
      each?.kind === "ipam" ? [error(each.path, `"${each.type}" ${notAlone}`)] : [],
    ),
    ...makers.slice(1).map(({ path, type }) => error(path, `"${type}" ${secondMaker}`)),
  ];
}

const afterOther = 'needs a plugin before it that makes the interface, such as "bridge"';
const notAlone = "manages addresses and makes no interface: it goes into a plugin's ipam.type";
const secondMaker = "makes an interface of the same name as a plugin before it";
