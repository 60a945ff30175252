/** The vlan plugin's configuration. */

import { type MasterConfig, parseMasterConfig } from "../../lib/attach/master.ts";
import { configError } from "../../lib/cni/error.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { numberAt } from "../../lib/cni/netconf.ts";

export interface VlanConfig extends MasterConfig {
  /** 0 for frames that have a priority and no VLAN. */
  readonly id: number;
}

/** The configuration; `strict` refuses one that names no master. */
export function parseVlanConfig(json: JsonObject, strict: boolean): VlanConfig {
  const config = { ...parseMasterConfig(json), id: numberAt(json, "vlanId") ?? 0 };
  if (strict && config.master === undefined) {
    throw configError("master", "the name of the link that has the VLAN", json.master);
  }
  return config;
}
