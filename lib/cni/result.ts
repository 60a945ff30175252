/**
 * Results: the newest form is what plugins work with; the others exist only here, at the edge.
 * Unknown keys of a foreign result survive. CNI spec, "Result Types" of every version.
 */

import { parseAddress } from "../ip/address.ts";
import { parseCidr } from "../ip/cidr.ts";
import { brief, CniError, Code } from "./error.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { isAtLeast, supportedVersions } from "./version.ts";
import { ipsOf } from "./whose.ts";

/** A link of the attachment; `sandbox` is CNI_NETNS for those inside the container. */
export interface ResultInterface {
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
  readonly sandbox?: string;
}

/** An address as a CIDR with host bits; `interface` is an index into the interfaces. */
export interface ResultIp {
  readonly address: string;
  readonly gateway?: string;
  readonly interface?: number;
}

/** A route; `gw` absent means the first gateway of its family, else none. */
export interface ResultRoute {
  readonly dst: string;
  readonly gw?: string;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  readonly scope?: number;
}

export interface Dns {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

/** A result of version 1.1.0. */
export interface Result {
  readonly interfaces?: readonly ResultInterface[];
  readonly ips?: readonly ResultIp[];
  readonly routes?: readonly ResultRoute[];
  readonly dns?: Dns;
}

/** The group of versions whose results have one shape: 1 for 0.1 and 0.2, 2 for 0.3 and 0.4. */
function shapeOf(version: string): 1 | 2 | 3 | undefined {
  const index = (supportedVersions as readonly string[]).indexOf(
    version === "" ? "0.1.0" : version,
  );
  if (index < 0) return undefined;
  return index < 2 ? 1 : index < 5 ? 2 : 3;
}

/* ---- out ---- */

/**
 * The result of an attachment in the form of a version; throws if that version cannot express it.
 * `ifName` tells whose addresses an old one is to have, which has room for one of each family.
 */
export function toVersion(result: Result, version: string, ifName: string): JsonObject {
  const shape = shapeOf(version);
  if (shape === 1) return toFirstShape(result, version, ifName);
  if (shape === 2) return toSecondShape(result, version);
  const dns = pruned(result.dns ?? {});
  const members = isAtLeast(version, "1.1.0") ? result : { ...result, ...withoutExtras(result) };
  return { cniVersion: version, ...pruned({ ...members, dns }) };
}

function pruned(value: object): JsonObject {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined && !isEmpty(member)),
  );
}

function isEmpty(value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

/** What older versions do not know of interfaces and routes is left out. */
function withoutExtras(result: Result) {
  return {
    interfaces: result.interfaces?.map((link) => omit(link, ["mtu", "socketPath", "pciID"])),
    routes: result.routes?.map(({ dst, gw }) => (gw === undefined ? { dst } : { dst, gw })),
  };
}

function omit(value: object, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

function isIPv4(text: string): boolean {
  return !text.includes(":");
}

function toSecondShape(result: Result, version: string): JsonObject {
  return {
    cniVersion: version,
    ...pruned({
      ...result,
      ...withoutExtras(result),
      ips: result.ips?.map((ip) => ({ version: isIPv4(ip.address) ? "4" : "6", ...ip })),
    }),
    dns: pruned(result.dns ?? {}),
  };
}

function toFirstShape(result: Result, version: string, ifName: string): JsonObject {
  const ofContainer = ipsOf(result, ifName, "own", "unsaid", "container");
  const ips = ofContainer.length > 0 ? ofContainer : ipsOf(result, ifName, "loopback");
  const v4 = ips.find((ip) => isIPv4(ip.address));
  const v6 = ips.find((ip) => !isIPv4(ip.address));
  if (!v4 && !v6) {
    throw new CniError(
      Code.config,
      `Cannot express the result in version ${version}: cannot convert: no valid IP addresses`,
    );
  }
  return {
    cniVersion: version,
    ...(v4 ? { ip4: firstShapeIp(v4, result) } : {}),
    ...(v6 ? { ip6: firstShapeIp(v6, result) } : {}),
    dns: pruned(result.dns ?? {}),
  };
}

function firstShapeIp(ip: ResultIp, result: Result): JsonObject {
  const routes = (result.routes ?? [])
    .filter((route) => isIPv4(route.dst) === isIPv4(ip.address))
    .map(({ dst, gw }) => (gw === undefined ? { dst } : { dst, gw }));
  return pruned({ ip: ip.address, gateway: ip.gateway, routes });
}

/* ---- in ---- */

/** Where a result came from, for the errors over it. */
export interface Origin {
  /** The JSON path or the words that name it, such as `prevResult`. */
  readonly what: string;
  readonly code: number;
  /** The version of the configuration, assumed where the result does not name its own. */
  readonly version: string;
  /** True if the result must be of the same group of versions as the configuration. */
  readonly sameShape: boolean;
}

/** Reads a result of any version; null is an empty one. */
export function parseResult(json: Json, origin: Origin): Result {
  if (json === null) return {};
  if (!isObject(json)) throw fault(origin, "", { expected: "an object", found: json });
  const label = json.cniVersion ?? "";
  if (typeof label !== "string")
    throw fault(origin, ".cniVersion", { expected: "a text", found: label });
  const version = label === "" ? origin.version : label;
  const shape = shapeOf(version);
  if (shape === undefined) {
    throw new CniError(
      origin.code,
      `Cannot read ${origin.what}: unsupported CNI result version "${version}"`,
    );
  }
  if (origin.sameShape && shape !== shapeOf(origin.version)) {
    throw new CniError(
      origin.code,
      `Cannot read ${origin.what}: could not parse prevResult of version "${version}" under a configuration of version "${origin.version}"`,
    );
  }
  return shape === 1 ? fromFirstShape(json, origin) : fromLaterShape(json, origin);
}

function fault(
  origin: Origin,
  path: string,
  { expected, found }: { readonly expected: string; readonly found: unknown },
): CniError {
  return new CniError(
    origin.code,
    `Cannot read ${origin.what}: ${origin.what}${path} must be ${expected}, got ${brief(found)}`,
  );
}

function listAt(json: JsonObject, key: string, origin: Origin): readonly JsonObject[] {
  const value = json[key] ?? [];
  if (!Array.isArray(value)) throw fault(origin, `.${key}`, { expected: "a list", found: value });
  const items: readonly Json[] = value;
  return items.map((item, i) => {
    if (!isObject(item))
      throw fault(origin, `.${key}[${i}]`, { expected: "an object", found: item });
    return item;
  });
}

function fromLaterShape(json: JsonObject, origin: Origin): Result {
  const { cniVersion: _version, ...rest } = json;
  return {
    ...rest,
    interfaces: listAt(json, "interfaces", origin).map((link, i) =>
      readInterface(link, `.interfaces[${i}]`, origin),
    ),
    ips: listAt(json, "ips", origin).map((ip, i) => readIp(ip, `.ips[${i}]`, origin)),
    routes: listAt(json, "routes", origin).map((r, i) => readRoute(r, `.routes[${i}]`, origin)),
    dns: readDns(json.dns, origin),
  };
}

function fromFirstShape(json: JsonObject, origin: Origin): Result {
  const found = ["ip4", "ip6"].flatMap((key) => {
    const value = json[key];
    if (value === undefined || value === null) return [];
    if (!isObject(value)) throw fault(origin, `.${key}`, { expected: "an object", found: value });
    return [{ key, value }];
  });
  return {
    ips: found.map(({ key, value: { routes: _routes, ip = null, ...rest } }) =>
      readIp({ address: ip, ...rest }, `.${key}`, origin),
    ),
    routes: found.flatMap(({ key, value }) =>
      listAt(value, "routes", origin).map((r, i) => readRoute(r, `.${key}.routes[${i}]`, origin)),
    ),
    dns: readDns(json.dns, origin),
  };
}

function readInterface(link: JsonObject, path: string, origin: Origin): ResultInterface {
  for (const key of ["name", "mac", "sandbox"]) {
    const value = link[key] ?? "";
    if (typeof value !== "string")
      throw fault(origin, `${path}.${key}`, { expected: "a text", found: value });
  }
  return { ...link, name: String(link.name ?? "") };
}

function readIp(ip: JsonObject, path: string, origin: Origin): ResultIp {
  const { version: _version, ...rest } = ip;
  const { address, gateway, interface: index } = rest;
  if (typeof address !== "string" || !parseCidr(address)) {
    throw fault(origin, `${path}.address`, {
      expected: 'an address such as "10.1.2.3/24"',
      found: address ?? null,
    });
  }
  if (gateway !== undefined && gateway !== "") checkIp(gateway, `${path}.gateway`, origin);
  if (index !== undefined && index !== null && !Number.isInteger(index)) {
    throw fault(origin, `${path}.interface`, { expected: "a whole number", found: index });
  }
  const kept: { [key: string]: Json | undefined } = { ...rest };
  if (gateway === "" || gateway === null) delete kept.gateway;
  if (index === null) delete kept.interface;
  return { ...kept, address };
}

function checkIp(value: Json | undefined, path: string, origin: Origin): void {
  if (value === null) return;
  if (typeof value === "string" && parseAddress(value)) return;
  throw fault(origin, path, { expected: 'an address such as "10.1.2.3"', found: value ?? null });
}

const routeNumbers = ["mtu", "advmss", "priority", "table", "scope"];

function readRoute(route: JsonObject, path: string, origin: Origin): ResultRoute {
  const { dst, gw } = route;
  if (typeof dst !== "string" || !parseCidr(dst)) {
    throw fault(origin, `${path}.dst`, {
      expected: 'a destination such as "0.0.0.0/0"',
      found: dst ?? null,
    });
  }
  if (gw !== undefined && gw !== "") checkIp(gw, `${path}.gw`, origin);
  for (const key of routeNumbers) {
    const value = route[key];
    if (value === undefined || value === null) continue;
    if (!Number.isInteger(value) || Number(value) < 0 || Number(value) > 0xffffffff) {
      throw fault(origin, `${path}.${key}`, {
        expected: "a whole number that is not negative",
        found: value,
      });
    }
  }
  const kept: { [key: string]: Json | undefined } = { ...route };
  for (const key of ["gw", ...routeNumbers]) {
    if (kept[key] === "" || kept[key] === null) delete kept[key];
  }
  return { ...kept, dst };
}

function readDns(dns: Json | undefined, origin: Origin): Dns {
  if (dns === undefined || dns === null) return {};
  if (!isObject(dns)) throw fault(origin, ".dns", { expected: "an object", found: dns });
  return dns as Dns;
}
