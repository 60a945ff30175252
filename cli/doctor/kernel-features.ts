/** What plugins of lists need of the kernel. It is asked, and makes nothing for it. */

import { fileStatus } from "../../lib/host/file-status.ts";
import { hasNftables } from "../../lib/inventory/packet-filter.ts";
import { kindFault } from "../../lib/net/make.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { findMissingParts } from "../../lib/net/shaping.ts";
import type { Check } from "./finding.ts";
import { typesOf } from "./loaded.ts";
import { networksOf } from "./networks.ts";

/** The kinds of links that plugins make. */
const kinds: { readonly [type: string]: readonly string[] } = {
  bridge: ["bridge", "veth"],
  ptp: ["veth"],
  macvlan: ["macvlan"],
  ipvlan: ["ipvlan"],
  vlan: ["vlan"],
  dummy: ["dummy"],
  vrf: ["vrf"],
  "vxlan-overlay": ["bridge", "veth", "vxlan"],
};

/** Plugins without which nothing is led, forwarded or denied. */
const filtering = ["portmap", "firewall", "policy"];

/** For each plugin of a network, what this kernel has not. */
export const kernelFeatures: Check = (examined) => {
  const networks = networksOf(examined);
  const types = new Set(networks.flatMap(({ list }) => typesOf(list)));
  return [...types].flatMap((type) => {
    const users = networks.filter(({ list }) => typesOf(list).includes(type));
    const names = users.map(({ name }) => `"${name}"`).join(", ");
    return faultsOf(examined.host, type).map((fault) => ({
      ...{ id: "kernel-feature", level: "error" as const },
      finding: `Plugin "${type}" of ${names} cannot work: ${fault}`,
      advice:
        "Load the module, install the package with this kernel's modules, or use another plugin",
    }));
  });
};

function faultsOf(host: Netns, type: string): readonly string[] {
  const ofKinds = (kinds[type] ?? []).map((kind) => kindFault(host, kind));
  const more = [
    type === "bandwidth" ? findMissingParts(host) : undefined,
    type === "tap" && !fileStatus("/dev/net/tun") ? "there is no /dev/net/tun" : undefined,
    filtering.includes(type) && !hasNftables(host) ? "this kernel has no nf_tables" : undefined,
  ];
  return [...ofKinds, ...more].flatMap((fault) => fault ?? []);
}
