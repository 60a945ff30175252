/** One plugin of a network: what libcni reads of it, and what the plugin itself would refuse. */

import * as host from "host";
import { commonKeys } from "../lib/cni/config.ts";
import { CniError, ConfigError } from "../lib/cni/error.ts";
import { isObject, type Json, type JsonObject } from "../lib/cni/json.ts";
import { nearest } from "../lib/cni/nearest.ts";
import type { Configuration, Program } from "../lib/cni/run.ts";
import { below, error, type Finding, shown, warning } from "./findings.ts";
import { unknownKeys } from "./keys.ts";

type Keys = Configuration["keys"];

/** What was found in a plugin's configuration, and how many plugins it names: itself, and IPAM. */
export interface PluginReport {
  readonly findings: readonly Finding[];
  readonly plugins: number;
  readonly checked: number;
}

/** What editors, runtimes and other plugins put into a plugin's configuration. */
const freeKeys: Keys = {
  $schema: ["$schema"],
  args: ["args"],
  runtimeconfig: ["runtimeConfig"],
};

/** By convention (CONVENTIONS.md of the specification), and what containerd has besides. */
const capabilities = [
  "portMappings",
  "ipRanges",
  "bandwidth",
  "dns",
  "ips",
  "mac",
  "infinibandGUID",
  "deviceID",
  "aliases",
  "cgroupPath",
  "io.kubernetes.cri.pod-annotations",
];

/** Plugins that need no `ipam.type`: they say host-local themselves. */
const withOwnIpam = ["flannel"];

/** What the plugin is for; undefined if this suite does not have it. */
export function kindOf(type: Json | undefined): Configuration["kind"] | undefined {
  return typeof type === "string" && isPlugin(type)
    ? programOf(type).configuration.kind
    : undefined;
}

/** Checks one plugin with the name and version of its network, and its IPAM plugin. */
export function validatePlugin(config: JsonObject, path: string): PluginReport {
  const general = libcniFaults(config, path);
  const type = textOf(config.type);
  if (type === "" || type.includes("/")) {
    const found = `must name a plugin, got ${shown(config.type)}`;
    return { findings: [error(below(path, "type"), found), ...general], plugins: 1, checked: 0 };
  }
  const ipamType = isObject(config.ipam) ? textOf(config.ipam.type) : "";
  const types = [...new Set([type, ...(ipamType === "" ? [] : [ipamType])])];
  const known = types.filter(isPlugin);
  const findings = [
    ...general,
    ...(isPlugin(type) ? [] : [foreign(below(path, "type"), type)]),
    ...ipamFindings(config, path),
    ...capabilityFindings(config, path, known),
    ...(isPlugin(type) ? refusals(config, known, path) : []),
    ...(isPlugin(type) ? strangeKeys(config, { known, ipamType }, path) : []),
  ];
  return { findings, plugins: types.length, checked: isPlugin(type) ? known.length : 0 };
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function foreign(path: string, name: string): Finding {
  const meant = nearest(name, host.commands().filter(isPlugin));
  const question = meant === undefined ? "" : `, did you mean "${meant}"?`;
  return warning(path, `"${name}" is no plugin of this suite, so it was not checked${question}`);
}

function isPlugin(name: string): boolean {
  return name !== "weft" && host.commands().includes(name);
}

function programOf(name: string): Program {
  return host.load(name) as Program;
}

/* ---- what libcni reads of every plugin, whatever its type ---- */

const keysOfLibcni: readonly (readonly [key: string, expected: string, fits: Test])[] = [
  ["ipam", "an object", isObject],
  ["ipam.type", "a text", isText],
  ["dns", "an object", isObject],
  ["dns.nameservers", "a list of texts", isTexts],
  ["dns.domain", "a text", isText],
  ["dns.search", "a list of texts", isTexts],
  ["dns.options", "a list of texts", isTexts],
  ["prevResult", "an object", isObject],
];

type Test = (value: Json) => boolean;

function isText(value: Json): boolean {
  return typeof value === "string";
}

function isTexts(value: Json): boolean {
  return Array.isArray(value) && value.every(isText);
}

/** Shapes with which libcni refuses the whole file; null is as good as absent. */
function libcniFaults(config: JsonObject, path: string): readonly Finding[] {
  return keysOfLibcni.flatMap(([key, expected, fits]) => {
    const [first = "", second] = key.split(".");
    const outer = config[first];
    const value = second === undefined ? outer : isObject(outer) ? outer[second] : undefined;
    if (value === undefined || value === null || fits(value)) return [];
    return [error(below(path, key), `must be ${expected}, got ${shown(value)}`)];
  });
}

/* ---- address management ---- */

function ipamFindings(config: JsonObject, path: string): readonly Finding[] {
  const { ipam } = config;
  if (!isObject(ipam)) return [];
  const at = (key: string) => below(path, `ipam.${key}`);
  const type = textOf(ipam.type);
  if (type === "") {
    const isIgnored = Object.keys(ipam).length > 0 && !withOwnIpam.includes(textOf(config.type));
    const state = "missing, so nothing gives the container an address, and the rest is ignored";
    return isIgnored && kindOf(config.type) === "interface" ? [warning(at("type"), state)] : [];
  }
  if (!isPlugin(type)) return [foreign(at("type"), type)];
  if (kindOf(type) !== "ipam") return [error(at("type"), `"${type}" does not manage addresses`)];
  return type === "host-local" && ipam.subnet === undefined ? ofNoSubnet(ipam, at) : [];
}

/** These belong to `ipam.subnet`: beside `ranges` alone nobody reads them. */
function ofNoSubnet(ipam: JsonObject, at: (key: string) => string): readonly Finding[] {
  return ["gateway", "rangeStart", "rangeEnd"]
    .filter((key) => ipam[key] !== undefined && ipam[key] !== null)
    .map((key) => warning(at(key), "ignored beside ranges: put it into the range it belongs to"));
}

/* ---- capabilities ---- */

function capabilityFindings(
  config: JsonObject,
  path: string,
  known: readonly string[],
): readonly Finding[] {
  const given = config.capabilities ?? {};
  const at = (name: string) => below(path, `capabilities.${name}`);
  if (!isObject(given)) {
    return [error(below(path, "capabilities"), `must be an object, got ${shown(given)}`)];
  }
  const found = Object.entries(given).flatMap(([name, value]) => {
    if (typeof value !== "boolean") {
      return [error(at(name), `must be true or false, got ${shown(value)}`)];
    }
    return value ? capabilityFinding(at(name), name, known) : [];
  });
  const isDeaf = config.type === "portmap" && given.portMappings !== true && !config.runtimeConfig;
  const state = "missing, so the runtime hands over no port mappings";
  return isDeaf ? [...found, warning(at("portMappings"), state)] : found;
}

function capabilityFinding(
  path: string,
  name: string,
  known: readonly string[],
): readonly Finding[] {
  if (!capabilities.includes(name)) {
    const meant = nearest(name, capabilities);
    const question = meant === undefined ? "" : `, did you mean "${meant}"?`;
    return [warning(path, `no runtime knows this capability${question}`)];
  }
  const isUsed = known.length === 0 || known.some((type) => uses(type, name));
  return isUsed ? [] : [warning(path, `"${known.join('" and "')}" does nothing with it`)];
}

/** What delegates may hand anything on. */
function uses(type: string, capability: string): boolean {
  const { keys, kind } = programOf(type).configuration;
  const children = keys.runtimeconfig?.[1];
  if (children === undefined) return kind === "interface";
  return Object.hasOwn(children, capability.toLowerCase());
}

/* ---- the plugins' own verdict ---- */

function refusals(config: JsonObject, known: readonly string[], path: string): readonly Finding[] {
  return known.flatMap((name) => {
    try {
      programOf(name).configuration.check(config);
      return [];
    } catch (cause) {
      if (cause instanceof ConfigError) return [error(below(path, cause.path), cause.state)];
      const { message } = CniError.from(cause);
      return [error(path, message.replace("Cannot use this configuration: ", `${name} `))];
    }
  });
}

function strangeKeys(
  config: JsonObject,
  { known, ipamType }: { readonly known: readonly string[]; readonly ipamType: string },
  path: string,
): readonly Finding[] {
  const trees = known.map((name) => programOf(name).configuration.keys);
  const other: Keys = ipamType === "" || isPlugin(ipamType) ? {} : { ipam: ["ipam"] };
  return unknownKeys(config, [...trees, commonKeys, freeKeys, other], path);
}
