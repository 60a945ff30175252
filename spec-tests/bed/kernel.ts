/** Kernel features that some machines lack; a test that needs one says so, and is counted. */
import { spawnSync } from "node:child_process";
import { it } from "./it.ts";
import { notHereTitle } from "./not-here.ts";

/** One command each that succeeds, in a namespace of its own, only where the feature exists. */
const probes = {
  "bridge VLAN filtering": "ip link add b type bridge vlan_filtering 1",
  "802.1Q": "ip link add d type veth peer e && ip link add link d name v type vlan id 5",
  dummy: "ip link add d type dummy",
  ipvlan: "ip link add d type veth peer e && ip link add link d name v type ipvlan",
  macvlan: "ip link add d type veth peer e && ip link add link d name v type macvlan",
  vrf: "ip link add v type vrf table 5",
  "legacy iptables": "iptables-legacy -t nat -S",
} as const;

/** The name of a feature that may be missing. */
export type Feature = keyof typeof probes;

const known = new Map<Feature, boolean>();

/** Whether this machine's kernel has the feature; it is really tried, once. */
export function kernelHas(feature: Feature): boolean {
  const answer = known.get(feature) ?? probe(feature);
  known.set(feature, answer);
  return answer;
}

function probe(feature: Feature): boolean {
  return spawnSync("unshare", ["-n", "sh", "-c", probes[feature]]).status === 0;
}

/** `needs("802.1Q")("…", …)`: a test that runs only where the kernel has the feature. */
export function needs(feature: Feature): typeof it {
  if (kernelHas(feature)) return it;
  const skip = (title: string) => it.skip(notHereTitle(title, feature), () => undefined);
  return skip as unknown as typeof it;
}
