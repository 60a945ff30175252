/** static's configuration: addresses as values, whoever names them. */

import type { CniArgs } from "../../lib/cni/args.ts";
import { configError } from "../../lib/cni/error.ts";
import { ipamRoutes, requireExpressible } from "../../lib/cni/ipam-conf.ts";
import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import { listAt, textAt, valueAt } from "../../lib/cni/netconf.ts";
import type { Dns, ResultRoute } from "../../lib/cni/result.ts";
import { family, type IpAddress, parseAddress } from "../../lib/ip/address.ts";
import { type Cidr, containsAddress, formatCidr, parseCidr } from "../../lib/ip/cidr.ts";

/** An address to be given, and the gateway that comes with it. */
export interface StaticIp {
  readonly cidr: Cidr;
  readonly gateway: IpAddress | undefined;
}

export interface StaticConfig {
  readonly ips: readonly StaticIp[];
  /** True if the runtime named the addresses, to which CNI_ARGS then adds none. */
  readonly isReplaced: boolean;
  readonly routes: readonly ResultRoute[];
  readonly dns: Dns;
}

/** The configuration, of which DEL and GC (`strict` false) need nothing. */
export function parseStaticConfig(json: JsonObject, strict: boolean): StaticConfig {
  if (!strict) return { ips: [], isReplaced: false, routes: [], dns: {} };
  const replacement = replacementIn(json);
  const ips = distinct(replacement ?? listAt(json, "ipam", "addresses").map(parseIp));
  requireRoom(textAt(json, "cniVersion") ?? "", ips);
  const dns = valueAt(json, "ipam", "dns");
  return {
    ips,
    isReplaced: replacement !== undefined,
    routes: ipamRoutes(json),
    dns: isObject(dns) ? (dns as Dns) : {},
  };
}

/** What CHECK and ADD find configured, with what CNI_ARGS adds: `IP` and `GATEWAY`, lists by commas. */
export function wantedIps(
  config: StaticConfig,
  args: CniArgs,
  cniVersion: string,
): readonly StaticIp[] {
  if (config.isReplaced) return config.ips;
  const gateways = listOf(args.GATEWAY).map(parseGatewayArg);
  const added = parseCidrs(listOf(args.IP), "CNI_ARGS IP").map(({ cidr }) => ({
    cidr,
    gateway: gateways.findLast((gateway) => containsAddress(cidr, gateway)),
  }));
  const ips = distinct([...config.ips, ...added]);
  requireRoom(cniVersion, ips);
  return ips;
}

/** The newest way for a runtime to name addresses counts alone, and their gateways are not known. */
function replacementIn(json: JsonObject): StaticIp[] | undefined {
  const runtime = listAt(json, "runtimeConfig", "ips");
  if (runtime.length > 0) return parseCidrs(runtime, "runtimeConfig.ips");
  const args = listAt(json, "args", "cni", "ips");
  return args.length > 0 ? parseCidrs(args, "args.cni.ips") : undefined;
}

function parseCidrs(list: readonly Json[], path: string): StaticIp[] {
  return list.map((item, i) => ({ cidr: parseOne(item, `${path}[${i}]`), gateway: undefined }));
}

function parseOne(item: Json | undefined, path: string): Cidr {
  const cidr = typeof item === "string" ? parseCidr(item) : undefined;
  if (cidr) return cidr;
  throw configError(path, 'in CIDR notation, such as "10.1.2.3/24"', item);
}

function parseIp(item: Json, i: number): StaticIp {
  const path = `ipam.addresses[${i}]`;
  const { address, gateway } = isObject(item) ? item : {};
  const cidr = parseOne(address, `${path}.address`);
  if (gateway === undefined || gateway === null || gateway === "") {
    return { cidr, gateway: undefined };
  }
  const parsed = parseAddress(String(gateway));
  if (!parsed || parsed.length !== cidr.address.length) {
    const expected = `an IPv${family(cidr.address)} address, as ${formatCidr(cidr)} is one`;
    throw configError(`${path}.gateway`, expected, gateway);
  }
  return { cidr, gateway: parsed };
}

function listOf(text: string | undefined): string[] {
  return (text ?? "").split(",").filter((item) => item !== "");
}

function parseGatewayArg(text: string, i: number): IpAddress {
  const gateway = parseAddress(text);
  if (gateway) return gateway;
  throw configError(`CNI_ARGS GATEWAY[${i}]`, 'an address such as "10.1.2.1"', text);
}

/** A link has an address once, however often it is named; the first gateway that is given counts. */
function distinct(ips: readonly StaticIp[]): StaticIp[] {
  const found = new Map<string, StaticIp>();
  for (const ip of ips) {
    const key = formatCidr(ip.cidr);
    const known = found.get(key);
    found.set(key, known?.gateway ? known : ip);
  }
  return [...found.values()];
}

function requireRoom(cniVersion: string, ips: readonly StaticIp[]): void {
  const addresses = ips.map(({ cidr }) => cidr.address);
  requireExpressible(cniVersion, addresses, { path: "ipam.addresses", expected: "one per family" });
}
