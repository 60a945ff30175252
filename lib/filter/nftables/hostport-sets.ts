/**
 * The maps and sets of host ports, and what their keys and values stand for:
 *
 *   hostports4         tcp . 192.0.2.1 . 8080 : 10.1.2.3 . 80    a port at one address of this host
 *   hostports4-any     tcp . 8080 : 10.1.2.3 . 80                a port at any address
 *   hostports4-if      tcp . 192.0.2.1 . 8080 : goto chain       the same for mappings that have a
 *   hostports4-any-if  tcp . 8080 : goto chain                   chain of their own
 *   hostports4-near    10.1.2.3 . 10.1.2.0 . tcp . 8080          clients whom the container could
 *                                                                not answer, by their network
 *
 * and the same for IPv6. Every part of a key or value is filled up to 4 bytes.
 */

import { type Family, family, formatAddress, type IpAddress } from "../../ip/address.ts";
import type { Cidr } from "../../ip/cidr.ts";
import type { NftSet } from "../../netlink/nft-request.ts";
import { type HostPort, type PortMapping, protocolNumbers } from "../port-mapping.ts";
import type { Place } from "./elements.ts";
import { inetTable as table } from "./sets.ts";

/** Types of keys as `nft` numbers them (datatype.h): 6 bits each. */
const PROTOCOL = 12;
const IPV4 = 7;
const IPV6 = 8;
const SERVICE = 13;

/** Maps of ports at one address of this host, and at any. */
export interface PortMaps {
  readonly one: NftSet;
  readonly any: NftSet;
}

/** The sets of a family: ports that lead to a container, ports that lead to a chain, clients. */
export interface PortSets {
  readonly plain: PortMaps;
  readonly own: PortMaps;
  readonly near: NftSet;
}

/** By family. */
export const sets: { readonly [F in Family]: PortSets } = /* @__PURE__ */ (() => ({
  4: setsOf(4),
  6: setsOf(6),
}))();

/** All of them. */
export function allSets(): readonly NftSet[] {
  return [sets[4], sets[6]].flatMap(({ plain, own, near }) => [
    plain.one,
    plain.any,
    own.one,
    own.any,
    near,
  ]);
}

function setsOf(of: Family): PortSets {
  const address = of === 4 ? IPV4 : IPV6;
  const target = { type: concat([address, SERVICE]), length: lengthOf([address, SERVICE]) };
  const name = `hostports${of}`;
  const ports = (suffix: string, leadsTo: NftSet["leadsTo"]) => ({
    one: setOf(`${name}${suffix}`, [PROTOCOL, address, SERVICE], leadsTo),
    any: setOf(`${name}-any${suffix}`, [PROTOCOL, SERVICE], leadsTo),
  });
  return {
    plain: ports("", target),
    own: ports("-if", "verdicts"),
    near: setOf(`${name}-near`, [address, address, PROTOCOL, SERVICE], "nothing"),
  };
}

function setOf(name: string, types: readonly number[], leadsTo: NftSet["leadsTo"]): NftSet {
  const userData = Uint8Array.of(0, 4, 0, 0, 0, 0);
  return { table, name, keyType: concat(types), keyLength: lengthOf(types), leadsTo, userData };
}

function concat(types: readonly number[]): number {
  return types.reduce((all, type) => (all << 6) | type);
}

function lengthOf(types: readonly number[]): number {
  return types.reduce((sum, type) => sum + (type === IPV6 ? 16 : 4), 0);
}

/** The place of a port in a map: with its address in a map of ports at one. */
export function portPlace(set: NftSet, { protocol, address, port }: HostPort): Place {
  const key = new Uint8Array(set.keyLength);
  key[0] = protocolNumbers[protocol];
  if (address) key.set(address, 4);
  key.set(bytesOf(port), set.keyLength - 4);
  return { set, key };
}

/** The port whose place it is. */
export function portAt({ set: { keyLength }, key }: Place): HostPort {
  const found = (["tcp", "udp", "sctp"] as const).find((name) => protocolNumbers[name] === key[0]);
  return {
    protocol: found ?? "tcp",
    address: keyLength > 8 ? key.slice(4, keyLength - 4) : undefined,
    port: ((key[keyLength - 4] ?? 0) << 8) | (key[keyLength - 3] ?? 0),
  };
}

/** The family of the containers to which a set belongs. */
export function familyAt({ set }: Place): Family {
  return set.name.startsWith("hostports4") ? 4 : 6;
}

/** The port of a container, as a map leads to it. */
export function targetValue(
  { address }: Cidr,
  { containerPort }: Pick<PortMapping, "containerPort">,
): Uint8Array {
  return joined(address, bytesOf(containerPort));
}

/** The place of the clients of a container's host port, by the first address of their network. */
export function clientPlace(
  { address }: Cidr,
  clients: IpAddress,
  { protocol, port }: Pick<HostPort, "protocol" | "port">,
): Place {
  const key = joined(address, clients, [protocolNumbers[protocol]], bytesOf(port));
  return { set: sets[family(address)].near, key };
}

/** True if a place is one of clients. */
export function isClientPlace({ set }: Place): boolean {
  return set === sets[4].near || set === sets[6].near;
}

/** A port for people. */
export function portInWords({ protocol, address, port }: HostPort): string {
  const at = address === undefined ? "" : ` of ${formatAddress(address)}`;
  return `${protocol} port ${port}${at}`;
}

function bytesOf(port: number): readonly number[] {
  return [port >> 8, port & 255];
}

/** Parts of a key or value one after the other, each filled up to 4 bytes. */
function joined(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + Math.max(length, 4), 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += Math.max(part.length, 4);
  }
  return all;
}
