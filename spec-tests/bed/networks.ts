/** Networks with a firewall, and who gets through. */
import type { Bed } from "./bed.ts";
import { Chain } from "./chain.ts";
import type { Container } from "./container.ts";
import type { Config } from "./invocation.ts";

/** A dual-stack network on a bridge of its own: the number is part of its addresses. */
export function network(number: number, more: Config = {}): readonly [Config, Config] {
  const base = { cniVersion: "1.1.0", name: `net${number}` };
  const ranges = [[{ subnet: `10.1.${number}.0/24` }], [{ subnet: `fd00:${number}::/64` }]];
  const ipam = { type: "host-local", ranges };
  return [
    { ...base, type: "bridge", bridge: `br${number}`, isDefaultGateway: true, ipam },
    { ...base, type: "firewall", ...more },
  ];
}

/** A container with all of a list. */
export function attach(bed: Bed, plugins: readonly Config[]): { box: Container; result: Config } {
  const box = bed.container();
  const result = new Chain(bed, plugins).add(box);
  return { box, result };
}

/** Whether each family gets through, IPv4 first. */
export function reaches(from: Container, network: number, host: number): readonly boolean[] {
  return from.pingAll([`10.1.${network}.${host}`, `fd00:${network}::${host}`]);
}

export const passes = [true, true];
export const dropped = [false, false];
