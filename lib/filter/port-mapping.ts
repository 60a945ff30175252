/** Ports of this host that lead to containers: what is asked for, whichever backend makes it. */

import { type Family, family, type IpAddress } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import type { Owner } from "../net/owner.ts";

/** A transport protocol that has ports. */
export type Protocol = "tcp" | "udp" | "sctp";

/** Their numbers, linux/in.h. */
export const protocolNumbers: { readonly [P in Protocol]: number } = { tcp: 6, udp: 17, sctp: 132 };

/** A port of this host: at one address, or at any of it. */
export interface HostPort {
  readonly protocol: Protocol;
  readonly address: IpAddress | undefined;
  readonly port: number;
}

/** A port of this host, and the container's to which it leads. */
export interface PortMapping extends HostPort {
  readonly containerPort: number;
}

/** A port that led to a container until now. */
export interface FormerPort extends HostPort {
  readonly family: Family;
}

/** What else a packet must be like for a mapping to apply. */
export type Condition =
  | { readonly end: "source" | "destination"; readonly cidr: Cidr; readonly isNot: boolean }
  | { readonly link: string; readonly isNot: boolean };

/** How the container sees clients that it could not answer: under an address of this host. */
export interface Snat {
  /** All clients, not only those of its own subnet and of this host's loopback. */
  readonly isForAll: boolean;
  /** The bit of the packet mark that tells them, 0 to 31, if one is asked for. */
  readonly markBit: number | undefined;
}

/** The mappings of one address of a container, with the prefix length of its subnet. */
export interface Target {
  readonly container: Cidr;
  readonly mappings: readonly PortMapping[];
  readonly conditions: readonly Condition[];
}

/** The family of a target. */
export function familyOf({ container }: Target): Family {
  return family(container.address);
}

/** What an attachment is to have. */
export interface HostPorts {
  readonly owner: Owner;
  /** What is noted of it, by which others find out whether it is gone. */
  readonly note?: string | undefined;
  readonly targets: readonly Target[];
  readonly snat: Snat | undefined;
}

/** A packet filter that leads ports to containers. */
export type PortBackend = "nftables" | "iptables";

/** The backend, and what iptables alone has: conditions in its own words, and a marking chain. */
export interface PortOptions {
  /** undefined is nftables if the kernel has nf_tables, else iptables. */
  readonly backend: PortBackend | undefined;
  readonly words: { readonly [F in Family]: readonly string[] };
  /** The chain that marks what is to be masqueraded, if it is not this suite's own. */
  readonly markChain: string | undefined;
}
