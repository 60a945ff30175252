/** Containers with ports of the host. */
import type { Bed } from "./bed.ts";
import { Chain } from "./chain.ts";
import type { Container } from "./container.ts";
import type { Config } from "./invocation.ts";

const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:2::/64" }]];

/** A dual-stack network on a bridge. */
export const bridge: Config = {
  cniVersion: "1.1.0",
  name: "net",
  type: "bridge",
  bridge: "br0",
  isDefaultGateway: true,
  hairpinMode: true,
  ipam: { type: "host-local", ranges },
};

/** The plugin with these port mappings. */
export function portmap(portMappings: readonly unknown[], more: Config = {}): Config {
  const { cniVersion, name } = bridge;
  return { cniVersion, name, type: "portmap", runtimeConfig: { portMappings }, ...more };
}

export const web = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
export const dns = { hostPort: 5353, containerPort: 53, protocol: "udp" };

/** Every backend does the same, but for the rules that it makes. */
export const backends = ["nftables", "iptables"] as const;

/** A container with its ports. */
export interface Attached {
  readonly box: Container;
  readonly config: Config;
  readonly chain: Chain;
  readonly result: Config;
}

/** A container on the bridge, with these ports. */
export function attach(bed: Bed, config: Config): Attached {
  const box = bed.container();
  const chain = new Chain(bed, [bridge, config]);
  return { box, config, chain, result: chain.add(box) };
}

/** Waits until what the containers' links and the bridge sent for IPv6 is through. */
export function awaitIpv6(bed: Bed): void {
  bed.host.until("! ip -6 address show tentative | grep -q inet6");
}
