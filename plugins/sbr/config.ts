/** The sbr plugin's configuration. */

import { configError } from "../../lib/cni/error.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { flagAt, listAt, numberAt } from "../../lib/cni/netconf.ts";
import { family, type IpAddress, parseAddress } from "../../lib/ip/address.ts";

export interface SbrConfig {
  /** A table that others fill; undefined gives each address one of its own. */
  readonly table: number | undefined;
  /** One of each family at most. */
  readonly gateways: readonly IpAddress[];
  readonly addSourceHints: boolean;
}

/** The configuration, from JSON that the schema accepts. */
export function parseSbrConfig(json: JsonObject, strict: boolean): SbrConfig {
  const table = numberAt(json, "table");
  return {
    table,
    gateways: strict && table === undefined ? parseGateways(json) : [],
    addSourceHints: flagAt(json, "addSourceHints"),
  };
}

function parseGateways(json: JsonObject): readonly IpAddress[] {
  const gateways = listAt(json, "gateways").map((text, i) => {
    const address = typeof text === "string" ? parseAddress(text) : undefined;
    if (!address) throw configError(`gateways[${i}]`, "an address", text);
    return address;
  });
  for (const version of [4, 6] as const) {
    if (gateways.filter((address) => family(address) === version).length < 2) continue;
    throw configError("gateways", `with one IPv${version} address at most`, json.gateways);
  }
  return gateways;
}
