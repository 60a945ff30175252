/** Links above a link of the host: what ipvlan and vlan have in common. */
import type { Bed } from "./bed.ts";
import type { Container } from "./container.ts";
import type { Config } from "./invocation.ts";
import type { Feature } from "./kernel.ts";

/** One of the plugins; the feature is what the kernel must have for it. */
export interface Above {
  readonly program: string;
  readonly feature: Feature;
  /** What its configuration needs besides a master. */
  readonly own: Config;
}

export const above: readonly Above[] = [
  { program: "ipvlan", feature: "ipvlan", own: { mode: "l2" } },
  { program: "vlan", feature: "802.1Q", own: { vlanId: 5 } },
];

const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];
const routes = [{ dst: "192.0.2.0/24" }, { dst: "::/0" }];

/** A dual-stack network above the host's link `uplink`, which `bed.outside()` makes. */
export function network({ program, own }: Above, more: Config = {}): Config {
  const ipam = { type: "host-local", ranges, routes };
  const base = { cniVersion: "1.1.0", name: "net", type: program, master: "uplink" };
  return { ...base, ...own, ipam, ...more };
}

/** A container that has a link above `uplink`, and the configuration for CHECK and DEL. */
export function attach(bed: Bed, config: Config): { readonly box: Container; ended: Config } {
  const box = bed.container();
  const prevResult = bed.add(String(config.type), box, config).result;
  return { box, ended: { ...config, prevResult } };
}
