/** The tuning plugin's configuration: names of sysctls, and what a link is to become. */

import { CniError, Code, ConfigError, configError } from "../../lib/cni/error.ts";
import { isObject, type JsonObject } from "../../lib/cni/json.ts";
import { textAt, valueAt } from "../../lib/cni/netconf.ts";
import { isMulticastMac, type Mac, parseMac } from "../../lib/ip/mac.ts";
import { readLines } from "../../lib/state/backup.ts";

export interface TuningConfig {
  /** As configured: the name, and the value. */
  readonly sysctls: readonly (readonly [name: string, value: string])[];
  readonly mac: string | undefined;
  /** `args.cni.mac` or `runtimeConfig.mac`, which come before CNI_ARGS. */
  readonly macOfRuntime: string | undefined;
  readonly mtu: number | undefined;
  readonly promisc: true | undefined;
  readonly allmulti: boolean | undefined;
  readonly txQLen: number | undefined;
  readonly dataDir: string;
}

/** The configuration; `args.cni` comes before the keys of the same name. */
export function parseTuningConfig(json: JsonObject, strict: boolean): TuningConfig {
  const args = valueAt(json, "args", "cni");
  const asked = isObject(args) ? args : {};
  const value = (key: string) => asked[key] ?? json[key];
  const sysctls = Object.entries({ ...textsIn(json.sysctl), ...textsIn(asked.sysctl) });
  const mtu = value("mtu");
  const allmulti = value("allmulti");
  const txQLen = value("txQLen");
  if (strict) for (const [name] of sysctls) requireNetSysctl(name);
  return {
    sysctls,
    mac: textAt(json, "mac"),
    macOfRuntime: textAt(asked, "mac") ?? textAt(json, "runtimeConfig", "mac"),
    mtu: typeof mtu === "number" && mtu > 0 ? mtu : undefined,
    promisc: value("promisc") === true ? true : undefined,
    allmulti: typeof allmulti === "boolean" ? allmulti : undefined,
    txQLen: typeof txQLen === "number" ? txQLen : undefined,
    dataDir: textAt(json, "dataDir") ?? "/run/cni/tuning",
  };
}

function textsIn(value: unknown): { readonly [key: string]: string } {
  const entries = isObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(
    entries.flatMap(([key, text]) => (typeof text === "string" ? [[key, text]] : [])),
  );
}

const onlyNet =
  'only names that begin with "net." can be set, others are not of a network namespace';

/** Names are checked as they are written: IFNAME is a plain name, whatever it is. */
function requireNetSysctl(name: string): void {
  const parts = partsOf(name);
  const isPlain = parts.every((part) => /^[\w.:@-]+$/.test(part) && !/^\.+$/.test(part));
  const isOfNet = parts.length > 1 && parts[0] === "net";
  if (isOfNet && isPlain) return;
  const rule = isOfNet ? "its parts are made of letters, digits and _ . : @ -" : onlyNet;
  throw new ConfigError("sysctl", `has an invalid net sysctl key: "${name}": ${rule}`);
}

/** As sysctl(8) does: what separates first separates all, so `net/ipv4/conf/eth0.1` has a dot. */
function partsOf(name: string): readonly string[] {
  const separator = /[./]/.exec(name)?.[0];
  return separator === undefined ? [name] : name.split(separator);
}

/** The path of a sysctl below /proc/sys, with the interface in place of IFNAME. */
export function sysctlPath(name: string, ifName: string): string {
  return partsOf(name)
    .map((part) => (part === "IFNAME" ? ifName : part))
    .join("/");
}

/** The hardware address to set: the runtime's comes first, then CNI_ARGS, then the configuration. */
export function macOf(config: TuningConfig, fromArgs: string | undefined): Mac | undefined {
  const text = config.macOfRuntime ?? fromArgs ?? config.mac;
  if (text === undefined || text === "") return undefined;
  const mac = parseMac(text);
  if (mac?.length === 6 && !isMulticastMac(mac)) return mac;
  throw configError("mac", "the hardware address of one link", text);
}

const ALLOW_LIST = "/etc/cni/tuning/allowlist.conf";

/** If there is an allow-list, every sysctl must match one of its patterns as a whole. */
export function requireListed({ sysctls }: TuningConfig): void {
  const lines = readLines(ALLOW_LIST);
  if (lines === undefined) return;
  const patterns = lines.map(patternOf);
  const stranger = sysctls.find(([name]) => !patterns.some((pattern) => pattern.test(name)));
  if (stranger === undefined) return;
  const state = `Only the following sysctls are allowed: [${lines.join(" ")}]`;
  throw new CniError(Code.config, `Sysctl ${stranger[0]} is not allowed. ${state}`);
}

function patternOf(line: string): RegExp {
  try {
    return new RegExp(`^(?:${line})$`);
  } catch {
    const what = `line "${line}" is no regular expression`;
    throw new CniError(Code.config, `Cannot use "${ALLOW_LIST}": ${what}`);
  }
}
