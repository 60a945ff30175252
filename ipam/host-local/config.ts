/** host-local's configuration. */

import { configError } from "../../lib/cni/error.ts";
import { ipamRoutes } from "../../lib/cni/ipam-conf.ts";
import type { Json, JsonObject } from "../../lib/cni/json.ts";
import { flagAt, listAt, textAt, valueAt } from "../../lib/cni/netconf.ts";
import type { RangeSet } from "../../lib/cni/range-set.ts";
import { parseRangeSets } from "../../lib/cni/ranges.ts";
import type { ResultRoute } from "../../lib/cni/result.ts";
import { type IpAddress, parseAddress } from "../../lib/ip/address.ts";
import { parseCidr } from "../../lib/ip/cidr.ts";

export interface HostLocalConfig {
  readonly dataDir: string;
  readonly sets: readonly RangeSet[];
  /** Addresses the configuration or the runtime asks for; CNI_ARGS comes with the call. */
  readonly requested: readonly IpAddress[];
  /** True if `args.cni.ips` was given, which CNI_ARGS `IP` must then not add to. */
  readonly hasArgsIps: boolean;
  readonly routes: readonly ResultRoute[];
  readonly resolvConf: string | undefined;
  readonly reclaimAfterReboot: boolean;
  /** True if STATUS is to fail when a range set is full. */
  readonly failsWhenFull: boolean;
}

export const DEFAULT_DATA_DIR = "/var/lib/cni/networks";

/** The configuration; DEL and GC (`strict` false) need only where the reservations are. */
export function parseHostLocalConfig(json: JsonObject, strict: boolean): HostLocalConfig {
  const args = listAt(json, "args", "cni", "ips");
  const runtime = listAt(json, "runtimeConfig", "ips");
  return {
    dataDir: textAt(json, "ipam", "dataDir") || DEFAULT_DATA_DIR,
    sets: strict ? parseRangeSets(json) : [],
    requested: strict
      ? [...parseIps(args, "args.cni.ips"), ...parseIps(runtime, "runtimeConfig.ips")]
      : [],
    hasArgsIps: args.length > 0,
    routes: strict ? ipamRoutes(json) : [],
    resolvConf: textAt(json, "ipam", "resolvConf") || undefined,
    reclaimAfterReboot:
      valueAt(json, "ipam", "reclaimAfterReboot") === undefined ||
      flagAt(json, "ipam", "reclaimAfterReboot"),
    failsWhenFull: textAt(json, "ipam", "statusWhenFull") === "error",
  };
}

/** An address with or without a prefix length, which is not looked at. */
export function parseIps(list: readonly Json[], path: string): IpAddress[] {
  return list.map((item, i) => {
    const text = String(item);
    const address = parseAddress(text) ?? parseCidr(text)?.address;
    if (address) return address;
    throw configError(`${path}[${i}]`, 'an address such as "10.1.2.3"', item);
  });
}
