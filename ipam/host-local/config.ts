/** host-local's configuration: ranges as values, refused where they cannot serve. */

import { configError } from "../../lib/cni/error.ts";
import { ipamRoutes, requireExpressible } from "../../lib/cni/ipam-conf.ts";
import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import { flagAt, listAt, textAt, valueAt } from "../../lib/cni/netconf.ts";
import type { ResultRoute } from "../../lib/cni/result.ts";
import {
  compareAddresses,
  family,
  formatAddress,
  type IpAddress,
  nextAddress,
  parseAddress,
  previousAddress,
} from "../../lib/ip/address.ts";
import {
  type Cidr,
  containsAddress,
  formatCidr,
  hasHostBits,
  lastAddress,
  networkOf,
  parseCidr,
} from "../../lib/ip/cidr.ts";
import { overlapRanges } from "../../lib/ip/range.ts";
import { describeRange, overlapSets, type Range, type RangeSet } from "./range-set.ts";

export interface HostLocalConfig {
  readonly dataDir: string;
  readonly sets: readonly RangeSet[];
  /** Addresses the configuration or the runtime asks for; CNI_ARGS comes with the call. */
  readonly requested: readonly IpAddress[];
  /** True if `args.cni.ips` was given, which CNI_ARGS `IP` must then not add to. */
  readonly hasArgsIps: boolean;
  readonly routes: readonly ResultRoute[];
  readonly resolvConf: string | undefined;
  readonly reclaimAfterReboot: boolean;
  /** True if STATUS is to fail when a range set is full. */
  readonly failsWhenFull: boolean;
}

const DEFAULT_DATA_DIR = "/var/lib/cni/networks";

/** The configuration; DEL and GC (`strict` false) need only where the reservations are. */
export function parseHostLocalConfig(json: JsonObject, strict: boolean): HostLocalConfig {
  const args = listAt(json, "args", "cni", "ips");
  const runtime = listAt(json, "runtimeConfig", "ips");
  return {
    dataDir: textAt(json, "ipam", "dataDir") || DEFAULT_DATA_DIR,
    sets: strict ? parseSets(json) : [],
    requested: strict
      ? [...parseIps(args, "args.cni.ips"), ...parseIps(runtime, "runtimeConfig.ips")]
      : [],
    hasArgsIps: args.length > 0,
    routes: strict ? ipamRoutes(json) : [],
    resolvConf: textAt(json, "ipam", "resolvConf") || undefined,
    reclaimAfterReboot:
      valueAt(json, "ipam", "reclaimAfterReboot") === undefined ||
      flagAt(json, "ipam", "reclaimAfterReboot"),
    failsWhenFull: textAt(json, "ipam", "statusWhenFull") === "error",
  };
}

/** An address with or without a prefix length, which is not looked at. */
export function parseIps(list: readonly Json[], path: string): IpAddress[] {
  return list.map((item, i) => {
    const text = String(item);
    const address = parseAddress(text) ?? parseCidr(text)?.address;
    if (address) return address;
    throw configError(`${path}[${i}]`, 'an address such as "10.1.2.3"', item);
  });
}

/* ---- ranges ---- */

/** Position in this list is the set's id, which names the file of its cursor. */
function parseSets(json: JsonObject): RangeSet[] {
  const ipam = valueAt(json, "ipam") ?? null;
  const isSingle = valueAt(json, "ipam", "subnet") !== undefined;
  const sets = [
    ...parseList(listAt(json, "runtimeConfig", "ipRanges"), "runtimeConfig.ipRanges"),
    ...(isSingle ? [[parseRange(ipam, "ipam")]] : []),
    ...parseList(listAt(json, "ipam", "ranges"), "ipam.ranges"),
  ];
  if (sets.length === 0) {
    throw configError("ipam.ranges", "given (no IP ranges specified)", undefined);
  }
  const firsts = sets.flatMap(([range]) => range?.start ?? []);
  const version = textAt(json, "cniVersion") ?? "";
  requireExpressible(version, firsts, { path: "ipam.ranges", expected: "one set per family" });
  requireApart(sets);
  return sets;
}

function parseList(list: readonly Json[], path: string): RangeSet[] {
  return list.map((set, i) => parseSet(set, `${path}[${i}]`));
}

function parseSet(json: Json, path: string): RangeSet {
  const list: readonly Json[] = Array.isArray(json) ? json : [];
  if (list.length === 0) throw configError(path, "a list of ranges", json);
  const set = list.map((range, i) => parseRange(range, `${path}[${i}]`));
  if (set.some((range) => range.start.length !== set[0]?.start.length)) {
    throw configError(path, "a set of one family (mixed address families)", json);
  }
  set.forEach((range, i) => {
    const other = set.slice(0, i).find((before) => overlapRanges(before, range));
    if (!other) return;
    const state = `subnets ${describeRange(other)} and ${describeRange(range)} overlap`;
    throw configError(path, `a set without overlaps: ${state}`, json);
  });
  return set;
}

function parseRange(json: Json, path: string): Range {
  const range = isObject(json) ? json : {};
  const subnet = parseSubnet(range.subnet, `${path}.subnet`);
  const first = nextAddress(subnet.address);
  const last = lastAddress(subnet);
  const usualEnd = family(subnet.address) === 4 ? previousAddress(last) : last;
  const start = parseMember(range.rangeStart, `${path}.rangeStart`, subnet) ?? first;
  const end = parseMember(range.rangeEnd, `${path}.rangeEnd`, subnet) ?? usualEnd;
  if (compareAddresses(start, end) > 0) {
    throw configError(
      `${path}.rangeEnd`,
      `an address that is not before rangeStart ${formatAddress(start)}`,
      formatAddress(end),
    );
  }
  return { subnet, start, end, gateway: parseGateway(range.gateway, path) ?? first };
}

function parseSubnet(json: Json | undefined, path: string): Cidr {
  const subnet = typeof json === "string" ? parseCidr(json) : undefined;
  if (!subnet) throw configError(path, 'a CIDR such as "10.1.0.0/16"', json);
  const bits = subnet.address.length * 8;
  if (subnet.prefixLength > bits - 2) {
    throw configError(path, `a network of at least 4 addresses (too small to allocate from)`, json);
  }
  if (hasHostBits(subnet)) {
    const network = formatCidr(networkOf(subnet));
    throw configError(path, `a network without host bits set, such as "${network}"`, json);
  }
  return subnet;
}

function parseGateway(json: Json | undefined, path: string): IpAddress | undefined {
  if (json === undefined || json === null || json === "") return undefined;
  const gateway = parseAddress(String(json));
  if (!gateway) throw configError(`${path}.gateway`, 'an address such as "10.1.2.1"', json);
  return gateway;
}

function parseMember(json: Json | undefined, path: string, subnet: Cidr): IpAddress | undefined {
  if (json === undefined || json === null || json === "") return undefined;
  const address = parseAddress(String(json));
  if (!address || !containsAddress(subnet, address)) {
    throw configError(path, `an address in network ${formatCidr(subnet)}`, json);
  }
  return address;
}

function requireApart(sets: readonly RangeSet[]): void {
  sets.forEach((set, i) => {
    const other = sets.slice(0, i).findIndex((before) => overlapSets(before, set));
    if (other < 0) return;
    throw configError("ipam.ranges", "without overlaps", `range set ${other} overlaps with ${i}`);
  });
}
