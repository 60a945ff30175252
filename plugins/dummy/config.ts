/** The dummy plugin's configuration: nothing but what every interface plugin's has. */

import { requireIpam } from "../../lib/attach/lease.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { type NetConf, parseNetConf } from "../../lib/cni/netconf.ts";

export type DummyConfig = NetConf;

/**
 * The configuration; `strict` refuses one without IPAM, since a link without addresses is of no use.
 * As with the reference plugin, DNS is for the IPAM plugin to say.
 */
export function parseDummyConfig(json: JsonObject, strict: boolean): DummyConfig {
  const config = { ...parseNetConf(json), dns: undefined };
  if (strict) requireIpam(config);
  return config;
}
