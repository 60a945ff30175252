/**
 * What packets of this host's pods are judged by, as a packet filter has it: maps from a pod's address
 * to a chain, chains that pods share, and sets of other pods that chains share. Names say what
 * something is, and are the same on every run; they may be long.
 */

import type { IpAddress } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import type { ElementList } from "./element-list.ts";

export type Direction = "ingress" | "egress";
export type Protocol = "TCP" | "UDP" | "SCTP";

export interface PortRange {
  readonly protocol: Protocol;
  /** The first and the last; undefined is all. */
  readonly range: readonly [first: number, last: number] | undefined;
}

/** Addresses of a network without those of others within it. */
export interface Block {
  readonly block: Cidr;
  readonly except: readonly Cidr[];
}

/** An address of a pod of this host; a direction without a chain is not isolated. */
export interface JudgedAddress {
  readonly address: IpAddress;
  readonly ingress: string | undefined;
  readonly egress: string | undefined;
}

/** What pods with the same policies have in common: what is allowed by none of these is dropped. */
export interface Chain {
  readonly direction: Direction;
  readonly allows: readonly Allow[];
}

/** Something that is allowed, by which policy ("namespace/name"). */
export type Allow = { readonly policy: string } & (OfPeers | OfNamedPort);

/** Connections with one of these (undefined: anyone), to one of these ports (undefined: any). */
export interface OfPeers {
  readonly peers: { readonly set: string } | Block | undefined;
  readonly ports: readonly PortRange[] | undefined;
}

/** Connections to an address and a port of this protocol that are in a set together. */
export interface OfNamedPort {
  readonly destinations: string;
  readonly protocol: Protocol;
}

/** A set of pods. */
export interface PeerSet {
  readonly hasPorts: boolean;
  readonly elements: ElementList;
}

/** All of it. */
export interface Ruleset {
  readonly sets: ReadonlyMap<string, PeerSet>;
  readonly chains: ReadonlyMap<string, Chain>;
  /** By their texts. */
  readonly addresses: ReadonlyMap<string, JudgedAddress>;
}

/** What becomes of a set: nothing else than what is named changes in it. */
export interface SetChange {
  readonly state: "new" | "changed" | "gone";
  readonly hasPorts: boolean;
  readonly added: ElementList;
  readonly removed: ElementList;
}

/** What changes between two moments; undefined is gone. */
export interface RulesetChanges {
  readonly sets: ReadonlyMap<string, SetChange>;
  /** Chains that are new or have other rules. */
  readonly chains: ReadonlyMap<string, Chain | undefined>;
  readonly addresses: ReadonlyMap<string, JudgedAddress | undefined>;
}

/** A ruleset as who keeps it can tell of it, without a copy of it. */
export interface KnownRuleset {
  /** An address by its text; undefined if it is not isolated, or no pod's of this host. */
  addressAt(text: string): JudgedAddress | undefined;
  chainNamed(name: string): Chain | undefined;
  /** The texts of addresses that these chains judge. */
  addressesBy(chains: ReadonlySet<string>): Iterable<string>;
  /** Whether a set has an address, or an address with a port. */
  isIn(set: string, address: string, port: number | undefined): boolean;
}

/** Whether an allowance is by a set of addresses with ports. */
export function isOfNamedPort(allow: Allow): allow is Allow & OfNamedPort {
  return "destinations" in allow;
}
