/** Sets of pods, as rules name them: which pods are in one, and by which of their ports. */

import { parseAddress } from "../../lib/ip/address.ts";
import { containsAddress, formatCidr } from "../../lib/ip/cidr.ts";
import type { Cluster } from "./cluster.ts";
import { type Pod, portsNamed } from "./objects.ts";
import { type Block, isBlock, type NamedPort, type PodChoice, type PolicyPeer } from "./policy.ts";
import { quoted, selects } from "./selector.ts";

/** Pods, or addresses of pods, that a rule may be about; with a port: those that have this name for one. */
export interface Peers {
  /** Says what it is, and is the same for what is the same. */
  readonly name: string;
  readonly peer: PolicyPeer;
  readonly port: NamedPort | undefined;
}

/** The set of a peer of a rule. */
export function peersOf(peer: PolicyPeer, port: NamedPort | undefined): Peers {
  const ports = port ? ` with ${port.protocol} ${JSON.stringify(port.name)}` : "";
  return { name: `${isBlock(peer) ? blockName(peer) : choiceName(peer)}${ports}`, peer, port };
}

function blockName({ block, except }: Block): string {
  const all = except.map(formatCidr).sort();
  return `pods at ${formatCidr(block)}${all.length === 0 ? "" : ` but ${all.join(", ")}`}`;
}

/** Pods in words, as `pods app=web of shop`. */
export function choiceName({ namespace, namespaces, pods }: PodChoice): string {
  const which = pods.key === "" ? "all pods" : `pods ${pods.key}`;
  if (namespace !== undefined) return `${which} of ${quoted(namespace)}`;
  if (!namespaces) return which;
  return `${which} of ${namespaces.key === "" ? "all namespaces" : `namespaces ${namespaces.key}`}`;
}

/** A pod, and one of its addresses as text. */
export interface PodAt {
  readonly pod: Pod;
  readonly address: string;
}

/** Whether a peer of a rule is, or has, this pod at this address. */
export function isPeer(cluster: Cluster, peer: PolicyPeer, { pod, address }: PodAt): boolean {
  if (isBlock(peer)) return isInBlock(peer, address);
  if (pod.fault !== undefined || pod.absence !== undefined) return false;
  return selects(peer.pods, pod.labels) && isInNamespaces(cluster, peer, pod.namespace);
}

/** Whether a peer of a rule is about pods of namespaces with some labels. */
export function isByNamespace(peer: PolicyPeer): peer is PodChoice {
  return !isBlock(peer) && peer.namespaces !== undefined;
}

/** Whether a peer of a rule is about the pods of a namespace; with labels, one that is known. */
export function isInNamespaces(cluster: Cluster, peer: PolicyPeer, name: string): boolean {
  if (isBlock(peer)) return false;
  const { namespace, namespaces } = peer;
  if (namespace !== undefined) return namespace === name;
  if (!namespaces) return true;
  const labels = cluster.labelsOf(name);
  return labels !== undefined && selects(namespaces, labels);
}

/** Whether an address, as text, is in a block and in nothing it leaves out. */
export function isInBlock({ block, except }: Block, text: string): boolean {
  const address = parseAddress(text);
  if (!address || !containsAddress(block, address)) return false;
  return !except.some((each) => containsAddress(each, address));
}

/**
 * The ports by which an address is in a set, [undefined] of a set without ports; [] if it is not.
 * An address that several pods have is in it only as far as each of them is.
 */
export function portsIn(cluster: Cluster, { peer, port }: Peers, address: string): Ports {
  const pods = cluster.podsAt(address);
  if (pods.length === 0 || !pods.every((pod) => isPeer(cluster, peer, { pod, address })))
    return NONE;
  if (!port) return WITHOUT;
  const [first, ...others] = pods.map((pod) => portsNamed(pod, port));
  return (first ?? []).filter((number) => others.every((ports) => ports.includes(number)));
}

/** The addresses that are in a set, as texts, and by which ports: each once. */
export function* membersOf(cluster: Cluster, peers: Peers): Iterable<readonly [string, Ports]> {
  const { peer, port } = peers;
  for (const pod of podsOf(cluster, peers)) {
    const isPlain = !isBlock(peer) && pod.fault === undefined;
    const ports = port ? portsNamed(pod, port) : WITHOUT;
    if (ports.length === 0) continue;
    for (const address of pod.addresses) {
      const pods = cluster.podsAt(address);
      if (isPlain && pods.length === 1) yield [address, ports];
      else if (pods[0] === pod) yield [address, portsIn(cluster, peers, address)];
    }
  }
}

/** The pods whose addresses may be in a set. */
function* podsOf(cluster: Cluster, { peer }: Peers): Iterable<Pod> {
  if (isBlock(peer)) {
    yield* cluster.pods;
    return;
  }
  const isIn = (namespace: string) => isInNamespaces(cluster, peer, namespace);
  for (const { pods } of cluster.alike.chosenBy(peer, isIn)) yield* pods;
}

/** Numbers of ports; [undefined] where a set has none. */
export type Ports = readonly (number | undefined)[];
export const NONE: Ports = [];
export const WITHOUT: Ports = [undefined];
