/** Containers behind a bridge whose links are for a VRF. */
import type { Bed } from "./bed.ts";
import type { Container } from "./container.ts";
import type { Config } from "./invocation.ts";

export const base = { cniVersion: "1.1.0", name: "net" };
export const blue: Config = { ...base, type: "vrf", vrfname: "blue" };

/** A network behind a bridge whose number tells its subnets apart. */
export function network(number: number, more: Config = {}): Config {
  const ranges = [[{ subnet: `10.1.${number}.0/24` }], [{ subnet: `fd00:${number}::/64` }]];
  const ipam = { type: "host-local", ranges, ...more };
  return { ...base, type: "bridge", bridge: `br${number}`, isDefaultGateway: true, ipam };
}

export interface Connected {
  readonly box: Container;
  readonly prevResult: Config;
}

/** A container behind a bridge. */
export function connected(bed: Bed, more: Config = {}): Connected {
  const box = bed.container();
  const prevResult = bed.add("bridge", box, network(2, more)).result as unknown as Config;
  return { box, prevResult };
}

/** The same, and its link in a VRF. */
export function attached(bed: Bed, own: Config = {}, more: Config = {}): Connected {
  const { box, prevResult } = connected(bed, more);
  bed.add("vrf", box, { ...blue, ...own, prevResult }).result;
  return { box, prevResult };
}

/** The table of a VRF. */
export function tableOf(box: Container, name = "blue"): unknown {
  const { linkinfo } = box.link(name) as { linkinfo?: { info_data?: { table?: number } } };
  return linkinfo?.info_data?.table;
}
