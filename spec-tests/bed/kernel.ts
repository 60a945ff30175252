/** Kernel features, and programs, that some machines lack; a test that needs one says so, and is counted. */
import { spawnSync } from "node:child_process";
import { it } from "./it.ts";
import { notHereTitle } from "./not-here.ts";
import {
  apiServerFile,
  cnitoolFile,
  containerdFolder,
  flanneldFile,
  kubectlFile,
  laterPeerDirectory,
  peerDirectory,
} from "./paths.ts";

const veth = "ip link add name probe0 type veth peer name probe1";

const tracking =
  "nft add table bridge probe0 && nft add chain bridge probe0 c && nft add rule bridge probe0 c ct state new drop";

/** One command each that succeeds, in a namespace of its own, only where the feature exists. */
const probes = {
  "bridge VLAN filtering": "ip link add name probe0 type bridge vlan_filtering 1",
  "802.1Q": `${veth} && ip link add link probe0 name probe2 type vlan id 5`,
  dummy: "ip link add name probe0 type dummy",
  ipvlan: `${veth} && ip link add link probe0 name probe2 type ipvlan`,
  macvlan: `${veth} && ip link add link probe0 name probe2 type macvlan`,
  SCTP: `python3 -I -S -c 'import socket; socket.socket(type=socket.SOCK_STREAM, proto=132)'`,
  SELinux: "test -e /sys/fs/selinux/enforce",
  tap: "ip tuntap add mode tap name probe0",
  vrf: "ip link add name probe0 type vrf table 5",
  fq_codel: `${veth} && tc qdisc add dev probe0 root fq_codel`,
  br_netfilter: "test -d /proc/sys/net/bridge",
  nf_conntrack_bridge: tracking,
  "br_netfilter or nf_conntrack_bridge": `test -d /proc/sys/net/bridge || (${tracking})`,
  "legacy iptables": "iptables-legacy -t nat -S",
  "reference plugins": `test -x '${peerDirectory}/bridge'`,
  "reference plugins 1.9.1": `test -x '${laterPeerDirectory}/bridge'`,
  "cnitool 1.3.0": `test -x '${cnitoolFile}'`,
  "containerd 2.2.9": `test -x '${containerdFolder}/containerd'`,
  "flanneld 0.28.10": `test -x '${flanneldFile}'`,
  "kube-apiserver 1.34.4": `test -x '${apiServerFile}'`,
  "kubectl and kube-apiserver 1.34.4": `test -x '${kubectlFile}' && test -x '${apiServerFile}'`,
  "flanneld 0.28.10 and kube-apiserver 1.34.4": `test -x '${flanneldFile}' && test -x '${apiServerFile}'`,
} as const;

/** The name of a feature that may be missing. */
export type Feature = keyof typeof probes;

/** What a test may need: that a feature is there, or that it is not. */
export type Need = Feature | `a kernel without ${Feature}`;

const known = new Map<Feature, boolean>();

/** Whether this machine's kernel is as needed; each feature is really tried, once. */
export function kernelHas(need: Need): boolean {
  const feature = need.replace(/^a kernel without /, "") as Feature;
  const answer = known.get(feature) ?? probe(feature);
  known.set(feature, answer);
  return answer === (feature === need);
}

function probe(feature: Feature): boolean {
  return spawnSync("unshare", ["-n", "sh", "-c", probes[feature]]).status === 0;
}

/** `needs("802.1Q")("…", …)`: a test that runs only where the kernel is as needed. */
export function needs(need: Need): typeof it {
  if (kernelHas(need)) return it;
  const skip = (title: string) => it.skip(notHereTitle(title, need), () => undefined);
  const skipEach = (cases: readonly unknown[]) => (title: string) =>
    it.skip.for(cases)(notHereTitle(title, need), () => undefined);
  return Object.assign(skip, { for: skipEach }) as unknown as typeof it;
}
