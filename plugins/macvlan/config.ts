/** The macvlan plugin's configuration. */

import { type MacConfig, macAt } from "../../lib/attach/mac.ts";
import { type MasterConfig, parseMasterConfig } from "../../lib/attach/master.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { givenAt, numberAt } from "../../lib/cni/netconf.ts";
import type { MacvlanMode } from "../../lib/net/above.ts";

export interface MacvlanConfig extends MasterConfig, MacConfig {
  readonly mode: MacvlanMode;
  /** Broadcasts that may wait to be sent to all links of the master; 0 leaves it to the kernel. */
  readonly broadcastQueueLength: number;
}

/** The configuration, from JSON that the schema accepts. */
export function parseMacvlanConfig(json: JsonObject, _strict: boolean): MacvlanConfig {
  return {
    ...parseMasterConfig(json),
    mac: macAt(json),
    usualMac: givenAt(json, "mac"),
    mode: (givenAt(json, "mode") ?? "bridge") as MacvlanMode,
    broadcastQueueLength: numberAt(json, "bcqueuelen") ?? 0,
  };
}
