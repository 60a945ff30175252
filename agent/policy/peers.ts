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
  const { namespace, namespaces, pods } = peer;
  if (namespace !== undefined && namespace !== pod.namespace) return false;
  if (!selects(pods, pod.labels)) return false;
  if (!namespaces) return true;
  const labels = cluster.labelsOf(pod.namespace);
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

type Ports = readonly (number | undefined)[];
const NONE: Ports = [];
const WITHOUT: Ports = [undefined];
