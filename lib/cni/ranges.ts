/** The ranges of a configuration as values: which addresses a network may give. */

import {
  compareAddresses,
  family,
  formatAddress,
  type IpAddress,
  nextAddress,
  parseAddress,
  previousAddress,
} from "../ip/address.ts";
import {
  type Cidr,
  containsAddress,
  formatCidr,
  hasHostBits,
  lastAddress,
  networkOf,
  parseCidr,
} from "../ip/cidr.ts";
import { overlapRanges } from "../ip/range.ts";
import { configError } from "./error.ts";
import { requireExpressible } from "./ipam-conf.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { listAt, textAt, valueAt } from "./netconf.ts";
import { describeRange, overlapSets, type Range, type RangeSet } from "./range-set.ts";

/**
 * The range sets of a configuration; throws ConfigError for those that cannot serve. The position in
 * this list is a set's id, which names the file of its cursor.
 */
export function parseRangeSets(json: JsonObject): RangeSet[] {
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
