/**
 * What the agent says of itself: by its socket, to `weft agent status`; by HTTP, to who asks for
 * /readyz and /metrics. Times are milliseconds since 1970.
 */

/** All but the list of peers, which may be long. */
export interface Summary {
  readonly network: string;
  readonly version: string;
  readonly started: number;
  /** True once this host has joined and subnet.env is written, and for as long as packets find their way. */
  readonly isReady: boolean;
  /** What keeps kernel or files from being right, in sentences; without those of the store. */
  readonly problems: readonly string[];
  /** Hosts that are left out, and why. */
  readonly limits: readonly string[];
  readonly store: StoreHealth;
  /** What this host has; undefined before it has joined. */
  readonly host: HostHealth | undefined;
  readonly peerCount: number;
  /** What was made again that others had changed, and how often all was compared. */
  readonly repairs: number;
  readonly comparisons: number;
  /** What is known and enforced of network policies; undefined if they are not followed. */
  readonly networkPolicy?: PolicyHealth | undefined;
}

/** What becomes of network policies; names of pods are NAMESPACE/NAME. */
export interface PolicyHealth {
  /** False if they are followed to be explained only. */
  readonly isEnforced: boolean;
  /** False until all lists have come: before that rules are not touched. */
  readonly isKnown: boolean;
  /** Policies and pods of the cluster. */
  readonly policies: number;
  readonly pods: number;
  /** Pods of this host that a policy isolates in a direction. */
  readonly isolatedPods: number;
  /** Pods of this host that are isolated since the cluster does not know them. */
  readonly pending: readonly string[];
  /** Addresses that several pods have. */
  readonly contested: readonly string[];
  /** What is wrong with objects, in sentences. */
  readonly faults: readonly string[];
  /** What keeps policies from being known or enforced, in sentences. */
  readonly problems: readonly string[];
  /** How often rules were made right that others had changed. */
  readonly repairs: number;
  /** When rules changed last. */
  readonly lastChange: number | undefined;
  readonly drops: readonly PolicyDrops[];
}

/** What was dropped of a pod, or of an address whose pod is not known. */
export interface PolicyDrops {
  readonly pod: string;
  readonly direction: "ingress" | "egress";
  readonly packets: number;
  readonly bytes: number;
}

export interface StoreHealth {
  readonly type: "etcd" | "kubernetes";
  /** Its endpoints, in words. */
  readonly at: string;
  readonly problem: string | undefined;
  /** When it last told something, or was asked and had nothing new. */
  readonly lastSync: number | undefined;
  /** When this host's lease ends unless it is renewed; undefined: it has none, or it never ends. */
  readonly leaseEnds: number | undefined;
  /** Counts of what happened: requests, failures, … */
  readonly counts: Readonly<Record<string, number>>;
}

export interface HostHealth {
  readonly backend: "vxlan" | "host-gw";
  readonly subnets: readonly string[];
  /** Its devices and the addresses under which others reach it, IPv4 first. */
  readonly ends: readonly EndHealth[];
  readonly mtu: number;
}

/** One end of the way between two hosts: `device` is of this host only, `vtepMAC` of vxlan. */
export interface EndHealth {
  readonly publicIP: string;
  readonly device?: string | undefined;
  readonly vtepMAC?: string | undefined;
}

/** Another host. */
export interface PeerHealth {
  readonly subnets: readonly string[];
  readonly ends: readonly EndHealth[];
}

/** The answer of the agent's socket, as JSON. */
export interface Health extends Summary {
  readonly peers: readonly PeerHealth[];
}

/** The socket of a network's agent. */
export function socketOf(network: string): string {
  return `/run/weft/${network}/agent.sock`;
}

/** True if nothing is wrong: every host is reached, and the store is heard. */
export function isWell({ isReady, problems, limits, store, networkPolicy }: Summary): boolean {
  const isStoreWell = store.problem === undefined && (networkPolicy?.problems ?? []).length === 0;
  return isReady && problems.length === 0 && limits.length === 0 && isStoreWell;
}
