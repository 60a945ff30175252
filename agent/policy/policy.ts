/** NetworkPolicies of Kubernetes, as they are understood here. */

import type { Block, PortRange, Protocol } from "../../lib/filter/ruleset.ts";
import type { Selector } from "./selector.ts";

export type { Block, PortRange, Protocol };

/** Ingress is what reaches a pod, egress what it reaches. */
export type Direction = "ingress" | "egress";

/** Ports that a rule allows: some or all numbers, or a name that the destination has for one. */
export type PolicyPort = PortRange | NamedPort;

export interface NamedPort {
  readonly protocol: Protocol;
  readonly name: string;
}

/** Who the other side may be. */
export type PolicyPeer = PodChoice | Block;

/** Pods by their labels: of one namespace, of namespaces by their labels, or (with neither) all. */
export interface PodChoice {
  readonly namespace: string | undefined;
  readonly namespaces: Selector | undefined;
  readonly pods: Selector;
}

/** One of `peers` and one of `ports` have to fit; undefined is any. */
export interface PolicyRule {
  readonly peers: readonly PolicyPeer[] | undefined;
  readonly ports: readonly PolicyPort[] | undefined;
}

/**
 * A policy: it isolates the pods of its namespace that `pods` chooses, in each direction it has rules
 * for, but for what these allow; no rule is nothing allowed.
 */
export interface Policy {
  readonly namespace: string;
  readonly name: string;
  readonly pods: Selector;
  readonly ingress: readonly PolicyRule[] | undefined;
  readonly egress: readonly PolicyRule[] | undefined;
  /** Why it cannot be understood, in words: it then isolates, and allows nothing. */
  readonly fault: string | undefined;
  /** Its spec as it came. */
  readonly spec: unknown;
}

/** A policy's or pod's name together with its namespace. */
export function fullName({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`;
}

export function isBlock(peer: PolicyPeer): peer is Block {
  return "block" in peer;
}

export function isNamed(port: PolicyPort): port is NamedPort {
  return "name" in port;
}
