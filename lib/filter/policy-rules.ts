/**
 * Who may talk to a container, and to whom it may talk: lists of what is denied and allowed, as pure
 * values. What is denied is denied; besides, a direction that has a list of what is allowed denies
 * the rest.
 */

import type { IpAddress } from "../ip/address.ts";
import { type Cidr, containsAddress } from "../ip/cidr.ts";

/** Protocols of IP that rules know, by their numbers (linux/in.h); icmp is each family's own. */
export const protocols = { tcp: 6, udp: 17, sctp: 132, icmp: 1 } as const;
export type Protocol = keyof typeof protocols;
/** ICMP of IPv6, linux/in6.h. */
export const IPPROTO_ICMPV6 = 58;

/** A protocol, and of the container's ports, or the other side's, the first and the last. */
export interface Ports {
  readonly protocol: Protocol;
  readonly range: readonly [first: number, last: number] | undefined;
}

/** One entry of a list: all of its parts that are given have to fit. */
export interface PolicyRule {
  /** Where the other side is; undefined is anywhere. */
  readonly networks: readonly Cidr[] | undefined;
  readonly except: readonly Cidr[];
  readonly ports: readonly Ports[] | undefined;
}

/** What one direction lets through; `allow` is undefined where everything is allowed. */
export interface Direction {
  readonly deny: readonly PolicyRule[];
  readonly allow: readonly PolicyRule[] | undefined;
}

/** What reaches a container, and what it reaches; undefined where nothing is said. */
export interface Policy {
  readonly ingress: Direction | undefined;
  readonly egress: Direction | undefined;
}

/** A connection as a direction sees it: the other side's address, and the port that is asked for. */
export interface Flow {
  readonly peer: IpAddress;
  /** The number of the protocol. */
  readonly protocol: number;
  readonly port: number | undefined;
}

/** Whether a direction lets a connection through. */
export function lets({ deny, allow }: Direction, flow: Flow): boolean {
  if (deny.some((rule) => fits(rule, flow))) return false;
  return allow === undefined || allow.some((rule) => fits(rule, flow));
}

function fits({ networks, except, ports }: PolicyRule, { peer, protocol, port }: Flow): boolean {
  const contains = (cidr: Cidr) => containsAddress(cidr, peer);
  if (networks && !networks.some(contains)) return false;
  if (except.some(contains)) return false;
  return ports === undefined || ports.some((each) => hasPort(each, protocol, port));
}

function hasPort(ports: Ports, protocol: number, port: number | undefined): boolean {
  const isIcmp = ports.protocol === "icmp" && protocol === IPPROTO_ICMPV6;
  if (!isIcmp && protocols[ports.protocol] !== protocol) return false;
  const { range } = ports;
  return range === undefined || (port !== undefined && port >= range[0] && port <= range[1]);
}
