/**
 * The seam between a store and its agent. A store (lib/store/etcd, lib/store/kubernetes) knows who
 * the hosts of a network are; the agent (agent/) makes files and kernel equal to that.
 *
 *   agent                                   store
 *     start(events) ──────────────────────▶  reads the network's configuration
 *     ◀────────────────────── onNetwork      again whenever it has changed
 *     publish(own) ───────────────────────▶  takes a subnet for this host, writes what it is
 *     ◀─────────────────────── onJoined      again if the subnet is another one
 *     ◀──────────────── onHosts, onHost      all of them, then each change
 *
 * A store goes on by itself: what fails is told by onProblem and tried again, and what a store
 * cannot tell is not told, so a store that is away takes nobody from the agent.
 */

import type { IpAddress } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import type { Mac } from "../ip/mac.ts";
import type { NetworkConfig } from "./network.ts";

/** A host of the network, as a store keeps it. */
export interface StoreHost {
  /** One of each family at most, IPv4 first. */
  readonly subnets: readonly Cidr[];
  /** The addresses under which others reach it. */
  readonly publicIP: IpAddress | undefined;
  readonly publicIPv6: IpAddress | undefined;
  /** As flannel names it: "vxlan", "host-gw"; "" if the store does not say. */
  readonly backend: string;
  /** The hardware addresses of its vxlan devices. */
  readonly vtepMac: Mac | undefined;
  readonly vtepMacV6: Mac | undefined;
}

/** This host, as it wants to be known; the store adds the subnets. */
export interface OwnHost extends Omit<StoreHost, "subnets"> {
  readonly vni: number;
  /** The subnets it had before, by its subnet.env: it has them again if they are free. */
  readonly formerSubnets: readonly Cidr[];
}

/** What a store knows of this host before it has joined. */
export interface Hints {
  /** Addresses that the administrator gave it (flannel's node-public-ip annotations). */
  readonly publicIP?: IpAddress | undefined;
  readonly publicIPv6?: IpAddress | undefined;
}

/** A host that a store tells of; its key is the store's own name for it. */
export type Keyed = readonly [key: string, host: StoreHost];

/** What a store tells its agent. */
export interface StoreEvents {
  /** What the network is; at first, and whenever it has changed. */
  readonly onNetwork: (network: NetworkConfig, hints: Hints) => void;
  /** This host has these subnets now. */
  readonly onJoined: (subnets: readonly Cidr[]) => void;
  /** This host's lease is lost, and why; the store joins again by itself. */
  readonly onLost: (reason: string) => void;
  /** All hosts there are, without this one, in place of all that were told before. */
  readonly onHosts: (hosts: Iterable<Keyed>) => void;
  /** A host without this one is new or has changed; undefined if it is gone. */
  readonly onHost: (key: string, host: StoreHost | undefined) => void;
  /** What keeps the store from knowing, with the endpoint and what to do; undefined once it knows again. */
  readonly onProblem: (problem: string | undefined) => void;
  /** Something that happened, for the log: an event's name and a sentence. */
  readonly onNote: (event: string, sentence: string) => void;
}

/** A store of hosts. */
export interface Store {
  start(events: StoreEvents): void;
  /** Called once the network is known, and again if this host has become another. */
  publish(own: OwnHost): void;
  /** Ends all that is under way; what is written stays. */
  stop(): void;
  /** Counts of what happened, for metrics: requests, failures, … */
  readonly counts: Readonly<Record<string, number>>;
  /** When this host's lease ends unless it is renewed, by the clock's wall(); undefined: never, or none. */
  readonly leaseEnds?: number | undefined;
}
