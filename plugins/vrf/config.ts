/** The vrf plugin's configuration. */

import { ConfigError, configError } from "../../lib/cni/error.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { givenAt, numberAt } from "../../lib/cni/netconf.ts";
import { linkNameFault } from "../../lib/net/link-name.ts";
import { isReservedTable } from "../../lib/net/table.ts";

export interface VrfConfig {
  /** Undefined for a DEL that is told of none. */
  readonly vrfName: string | undefined;
  /** Undefined for that of a VRF that is there, or a free one. */
  readonly table: number | undefined;
}

/** The configuration, from JSON that the schema accepts. */
export function parseVrfConfig(json: JsonObject, strict: boolean): VrfConfig {
  const name = givenAt(json, "vrfname");
  const table = numberAt(json, "table") || undefined;
  const fault = name === undefined ? undefined : linkNameFault(name);
  if (strict) {
    if (name === undefined) throw configError("vrfname", "the name of a VRF", json.vrfname);
    if (fault !== undefined) throw new ConfigError("vrfname", fault);
    if (table !== undefined && isReservedTable(table)) {
      throw configError("table", "another than the kernel's own, 253 to 255", table);
    }
  }
  return { vrfName: fault === undefined ? name : undefined, table };
}
