/** The ipvlan plugin's configuration. */

import { type MasterConfig, parseMasterConfig } from "../../lib/attach/master.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { givenAt } from "../../lib/cni/netconf.ts";
import type { IpvlanMode } from "../../lib/net/above.ts";

export interface IpvlanConfig extends MasterConfig {
  readonly mode: IpvlanMode;
}

/** The configuration, from JSON that the schema accepts. */
export function parseIpvlanConfig(json: JsonObject, _strict: boolean): IpvlanConfig {
  const mode = (givenAt(json, "mode") ?? "l2") as IpvlanMode;
  return { ...parseMasterConfig(json), mode };
}
