/** The ptp plugin's configuration: from JSON the schema accepts to what the plugin works with. */

import { requireIpam } from "../../lib/attach/lease.ts";
import { type MacConfig, macAt } from "../../lib/attach/mac.ts";
import { type MasqueradeConfig, masqueradeAt } from "../../lib/attach/masquerade.ts";
import type { Defaults } from "../../lib/cni/defaults.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { type NetConf, numberAt, parseNetConf } from "../../lib/cni/netconf.ts";

export interface PtpConfig extends NetConf, MacConfig, MasqueradeConfig {
  /** 0 leaves it to the kernel. */
  readonly mtu: number;
}

/** The configuration; `strict` refuses one without IPAM, since only addresses lead to a container. */
export function parsePtpConfig(json: JsonObject, strict: boolean, defaults: Defaults): PtpConfig {
  const config = {
    ...parseNetConf(json),
    ...masqueradeAt(json, defaults),
    mac: macAt(json),
    mtu: numberAt(json, "mtu") ?? 0,
  };
  if (strict) requireIpam(config);
  return config;
}
