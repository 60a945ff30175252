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
export function isWell({ isReady, problems, limits, store }: Summary): boolean {
  return isReady && problems.length === 0 && limits.length === 0 && store.problem === undefined;
}
