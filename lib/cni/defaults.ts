/** What holds for all networks of a node, unless their configurations say otherwise. */

import type { Json } from "./json.ts";

/** What WEFT_LOG says for no log, whatever the node file says. */
export const NO_LOG = "off";

/** Where a node says so. */
export const NODE_FILE = "/etc/cni/weft.json";

/** The defaults as the node file has them, its schema being heeded. */
export interface Defaults {
  /** The packet filter of plugins that can use either. */
  readonly backend?: "nftables" | "iptables" | undefined;
  /** Ports that are the host's own, besides those of a network's configuration. */
  readonly reservedHostPorts?: readonly Json[] | undefined;
}

/** Those of a node that says nothing. */
export const noDefaults: Defaults = {};
