/** Results on their way in: of a plugin before or of a delegate, in any version, to the newest form. */

import { parseAddress } from "../ip/address.ts";
import { parseCidr } from "../ip/cidr.ts";
import { brief, CniError } from "./error.ts";
import { isGiven, isObject, type Json, type JsonObject } from "./json.ts";
import type { Dns, Result, ResultInterface, ResultIp, ResultRoute } from "./result.ts";
import { type ResultShape, resultShape } from "./version.ts";

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

/**
 * Reads a result of any version; null is an empty one. Throws CniError with the origin's code if it
 * is no result, or not of a version that the origin allows.
 */
export function parseResult(json: Json, origin: Origin): Result {
  if (json === null) return {};
  if (!isObject(json)) throw unreadable(origin, "", { expected: "an object", found: json });
  return shapeIn(json, origin) === 1 ? fromFirstShape(json, origin) : fromLaterShape(json, origin);
}

/** The shape that a result says it has; throws if there is none of that version, or it must not be. */
function shapeIn(json: JsonObject, origin: Origin): ResultShape {
  const label = json.cniVersion ?? "";
  if (typeof label !== "string") {
    throw unreadable(origin, ".cniVersion", { expected: "a text", found: label });
  }
  const version = label === "" ? origin.version : label;
  const shape = resultShape(version);
  if (shape === undefined) {
    throw resultError(origin, `unsupported CNI result version "${version}"`);
  }
  if (origin.sameShape && shape !== resultShape(origin.version)) {
    const state = `could not parse prevResult of version "${version}"`;
    throw resultError(origin, `${state} under a configuration of version "${origin.version}"`);
  }
  return shape;
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
    if (!isGiven(value)) return [];
    if (!isObject(value))
      throw unreadable(origin, `.${key}`, { expected: "an object", found: value });
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

function listAt(json: JsonObject, key: string, origin: Origin): readonly JsonObject[] {
  const value = json[key] ?? [];
  if (!Array.isArray(value))
    throw unreadable(origin, `.${key}`, { expected: "a list", found: value });
  const items: readonly Json[] = value;
  return items.map((item, i) => {
    if (!isObject(item))
      throw unreadable(origin, `.${key}[${i}]`, { expected: "an object", found: item });
    return item;
  });
}

function readInterface(link: JsonObject, path: string, origin: Origin): ResultInterface {
  for (const key of ["name", "mac", "sandbox"]) {
    const value = link[key] ?? "";
    if (typeof value !== "string")
      throw unreadable(origin, `${path}.${key}`, { expected: "a text", found: value });
  }
  return { ...link, name: String(link.name ?? "") };
}

function readIp(ip: JsonObject, path: string, origin: Origin): ResultIp {
  const { version: _version, ...rest } = ip;
  const { address, gateway, interface: index } = rest;
  if (typeof address !== "string" || !parseCidr(address)) {
    const expected = 'an address such as "10.1.2.3/24"';
    throw unreadable(origin, `${path}.address`, { expected, found: address ?? null });
  }
  if (isGiven(gateway)) requireAddress(gateway, `${path}.gateway`, origin);
  if (isGiven(index) && !Number.isInteger(index)) {
    throw unreadable(origin, `${path}.interface`, { expected: "a whole number", found: index });
  }
  const kept: { [key: string]: Json | undefined } = { ...rest };
  if (gateway === "" || gateway === null) delete kept.gateway;
  if (index === null) delete kept.interface;
  return { ...kept, address };
}

const routeNumbers = ["mtu", "advmss", "priority", "table", "scope"];

function readRoute(route: JsonObject, path: string, origin: Origin): ResultRoute {
  const { dst, gw } = route;
  if (typeof dst !== "string" || !parseCidr(dst)) {
    const expected = 'a destination such as "0.0.0.0/0"';
    throw unreadable(origin, `${path}.dst`, { expected, found: dst ?? null });
  }
  if (isGiven(gw)) requireAddress(gw, `${path}.gw`, origin);
  for (const key of routeNumbers) {
    if (isGiven(route[key])) requireNumber(route[key], `${path}.${key}`, origin);
  }
  const kept: { [key: string]: Json | undefined } = { ...route };
  for (const key of ["gw", ...routeNumbers]) {
    if (kept[key] === "" || kept[key] === null) delete kept[key];
  }
  return { ...kept, dst };
}

function readDns(dns: Json | undefined, origin: Origin): Dns {
  if (!isGiven(dns)) return {};
  if (!isObject(dns)) throw unreadable(origin, ".dns", { expected: "an object", found: dns });
  return dns as Dns;
}

function requireAddress(value: Json | undefined, path: string, origin: Origin): void {
  if (value === "") return;
  if (typeof value === "string" && parseAddress(value)) return;
  const expected = 'an address such as "10.1.2.3"';
  throw unreadable(origin, path, { expected, found: value });
}

function requireNumber(value: Json | undefined, path: string, origin: Origin): void {
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0xffffffff) return;
  const expected = "a whole number that is not negative";
  throw unreadable(origin, path, { expected, found: value });
}

function unreadable(
  origin: Origin,
  path: string,
  { expected, found }: { readonly expected: string; readonly found: unknown },
): CniError {
  return resultError(origin, `${origin.what}${path} must be ${expected}, got ${brief(found)}`);
}

function resultError({ code, what }: Origin, state: string): CniError {
  return new CniError(code, `Cannot read ${what}: ${state}`);
}
