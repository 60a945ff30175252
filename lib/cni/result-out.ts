/** Results on their way out: from the newest form to that of the version which is asked for. */

import { CniError, Code } from "./error.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import type { Result, ResultInterface, ResultIp } from "./result.ts";
import { isAtLeast, resultShape } from "./version.ts";
import { ipsOf } from "./whose.ts";

/**
 * The result of an attachment in the form of a version; code 7 if that version cannot express it.
 * `ifName` tells whose addresses an old one is to have, which has room for one of each family.
 */
export function toVersion(result: Result, version: string, ifName: string): JsonObject {
  const shape = resultShape(version);
  if (shape === 1) return toFirstShape(result, version, ifName);
  if (shape === 2) return toSecondShape(result, version);
  const dns = pruned(result.dns ?? {});
  const members = isAtLeast(version, "1.1.0") ? result : { ...result, ...withoutExtras(result) };
  return { cniVersion: version, ...pruned({ ...members, dns }) };
}

/** The result as who reads it in a version finds it, from 0.3.0 on: without what that cannot say. */
export function asReadIn(version: string, result: Result): Result {
  return isAtLeast(version, "1.1.0") ? result : { ...result, ...withoutExtras(result) };
}

function pruned(value: object): JsonObject {
  const members = value as JsonObject;
  const kept: { [key: string]: Json } = {};
  for (const key in members) {
    const member = members[key];
    if (member !== undefined && !isEmpty(member)) kept[key] = member;
  }
  return kept;
}

function isEmpty(value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

/** What older versions do not know of interfaces and routes is left out. */
function withoutExtras(result: Result) {
  return {
    interfaces: (result.interfaces ?? []).map(withoutDevice),
    routes: (result.routes ?? []).map(({ dst, gw }) => (gw === undefined ? { dst } : { dst, gw })),
  };
}

function withoutDevice(link: ResultInterface & { readonly socketPath?: unknown }): ResultInterface {
  const { mtu: _mtu, socketPath: _socketPath, pciID: _pciID, ...rest } = link;
  return rest;
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
