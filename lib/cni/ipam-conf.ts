/** What the configurations of IPAM plugins have in common. */

import { type IpAddress, parseAddress } from "../ip/address.ts";
import { parseCidr } from "../ip/cidr.ts";
import { configError } from "./error.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { listAt } from "./netconf.ts";
import type { ResultRoute } from "./result.ts";
import { isAtLeast } from "./version.ts";

/** `ipam.routes`, to be passed on as they are; code 7 for one that no link could be given. */
export function ipamRoutes(json: JsonObject): ResultRoute[] {
  return listAt(json, "ipam", "routes").map(parseRoute);
}

function parseRoute(item: Json, i: number): ResultRoute {
  const path = `ipam.routes[${i}]`;
  const route = isObject(item) ? item : {};
  const { dst, gw } = route;
  if (typeof dst !== "string" || !parseCidr(dst)) {
    throw configError(`${path}.dst`, 'a destination such as "0.0.0.0/0"', dst);
  }
  if (typeof gw === "string" && gw !== "" && !parseAddress(gw)) {
    throw configError(`${path}.gw`, 'an address such as "10.1.2.1"', gw);
  }
  const { gw: _gw, ...rest } = route;
  return { ...rest, dst, ...(typeof gw === "string" && gw !== "" ? { gw } : {}) };
}

/** Where the addresses of a configuration stand, and how many of them there may be, in words. */
interface Place {
  readonly path: string;
  readonly expected: string;
}

/**
 * Refuses what no result of a version could say: those before 0.3.0 have room for one address of
 * each family.
 */
export function requireExpressible(
  version: string,
  addresses: readonly IpAddress[],
  { path, expected }: Place,
): void {
  if (isAtLeast(version, "0.3.0")) return;
  for (const length of [4, 16]) {
    const count = addresses.filter((address) => address.length === length).length;
    const limit = `CNI version ${version} does not support more than 1 address per family`;
    if (count > 1) throw configError(path, `${expected} (${limit})`, count);
  }
}
