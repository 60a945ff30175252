/** The tap plugin's configuration. */

import { type MacConfig, macAt } from "../../lib/attach/mac.ts";
import { configError } from "../../lib/cni/error.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { flagAt, givenAt, type NetConf, numberAt, parseNetConf } from "../../lib/cni/netconf.ts";
import { linkNameFault } from "../../lib/net/link-name.ts";
import type { TapUse } from "../../lib/net/tap.ts";

export interface TapConfig extends NetConf, MacConfig, TapUse {
  /** 0 leaves it to the kernel. */
  readonly mtu: number;
  readonly selinuxContext: string | undefined;
  /** A bridge in the container. */
  readonly bridge: string | undefined;
}

/** The configuration; `strict` refuses what no tap can be. */
export function parseTapConfig(json: JsonObject, strict: boolean): TapConfig {
  const config = {
    ...parseNetConf(json),
    multiQueue: flagAt(json, "multiQueue"),
    owner: numberAt(json, "owner"),
    group: numberAt(json, "group"),
    mac: macAt(json),
    usualMac: givenAt(json, "mac"),
    mtu: numberAt(json, "mtu") ?? 0,
    selinuxContext: givenAt(json, "selinuxContext"),
    bridge: givenAt(json, "bridge"),
  };
  if (strict) requirePossible(config);
  return config;
}

/** ETH_MIN_MTU, linux/if_ether.h. */
const LEAST_MTU = 68;

function requirePossible({ mtu, selinuxContext = "", bridge }: TapConfig): void {
  if (mtu > 0 && mtu < LEAST_MTU) throw configError("mtu", `0, or at least ${LEAST_MTU}`, mtu);
  if (/[^!-~]/.test(selinuxContext)) {
    throw configError("selinuxContext", "in visible characters without blanks", selinuxContext);
  }
  const fault = bridge === undefined ? undefined : linkNameFault(bridge);
  if (fault !== undefined) throw configError("bridge", "the name of a link", bridge);
}
