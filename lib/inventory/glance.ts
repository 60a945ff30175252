/**
 * What tells of all attachments of a host, whichever their network, at one glance: each list of the
 * kernel is asked for once. What may not be looked at is named, and the rest is told all the same.
 */

import { findGeneration } from "../filter/nft-transaction.ts";
import { listOwnedElements, type OwnedElement } from "../filter/nftables/elements.ts";
import { listLedPorts } from "../filter/nftables/led-ports.ts";
import { masqueradeMaps } from "../filter/nftables/masquerade.ts";
import { listNamedJumps, type NamedJump } from "../filter/reference/named-chains.ts";
import { listDirectory } from "../host/directory.ts";
import { EACCES, EPERM } from "../host/errno.ts";
import { Failure } from "../host/failure.ts";
import { hasOwnDirectory } from "../host/own-directory.ts";
import { formatAddress } from "../ip/address.ts";
import { grouped } from "../net/grouped.ts";
import { type Link, listLinks } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { type Owner, ownerIn, ownerInAlias } from "../net/owner.ts";
import { listMadeQdiscs, type Qdisc } from "../net/rates.ts";
import { listDhcpLeases } from "../state/dhcp-leases.ts";
import { leaseShelf } from "../state/leases.ts";
import type { Directories } from "./inventory.ts";

/** A port of the host that leads to a container. */
export interface GlancedPort {
  readonly comment: string;
  readonly protocol: string;
  readonly hostIP: string | undefined;
  readonly hostPort: number;
  readonly containerPort: number | undefined;
}

/** An address that somebody has reserved; without `ifName` it is the container's, whichever. */
export interface GlancedLease {
  readonly network: string;
  readonly containerID: string;
  readonly ifName: string | undefined;
  readonly address: string;
  readonly path: string;
}

export interface Glance {
  readonly links: readonly Link[];
  /** By the index of a link, without those that each link has. */
  readonly qdiscs: ReadonlyMap<number, readonly Qdisc[]>;
  /** By the comment of their owner. */
  readonly ports: ReadonlyMap<string, readonly GlancedPort[]>;
  /** Addresses that are masqueraded, by the comment of their owner. */
  readonly masqueraded: ReadonlyMap<string, readonly string[]>;
  readonly leases: readonly GlancedLease[];
  /** Masquerade by iptables, which knows containers, but not their interfaces. */
  readonly jumps: readonly NamedJump[];
  /** What could not be looked at, and why. */
  readonly faults: readonly string[];
}

/** Looks at a host. */
export function glanceAt(host: Netns, directories: Directories): Glance {
  const faults: string[] = [];
  const look: Look = (what, body) => orFault(what, body, faults) ?? [];
  const qdiscs = orFault("qdiscs", () => listMadeQdiscs(host), faults);
  const ports = look("host ports in nf_tables", () => portsOf(host));
  const masqueraded = look("masquerade in nf_tables", () => masqueradedOf(host));
  return {
    qdiscs: qdiscs ?? new Map(),
    faults,
    links: look("links", () => listLinks(host)),
    leases: [
      ...directories.leases.flatMap((path) => leasesBelow(path, look)),
      ...look(`"${directories.dhcp}"`, () => dhcpLeases(directories.dhcp)),
    ],
    jumps: look("masquerade by iptables", () => listNamedJumps(host)),
    ports: grouped(ports, ({ comment }) => comment),
    masqueraded: addressesByComment(masqueraded),
  };
}

/** Looks at one thing of several; what cannot be looked at is noted. */
type Look = <T>(what: string, body: () => readonly T[]) => readonly T[];

/** What `body` returns; undefined, and a fault in words, if that may not or cannot be looked at. */
export function orFault<T>(what: string, body: () => T, faults: string[]): T | undefined {
  try {
    return body();
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    const isRefused = cause.errno === EPERM || cause.errno === EACCES;
    faults.push(isRefused ? `${what} can be looked at by root only` : cause.message);
    return undefined;
  }
}

/**
 * The owners whom things on the host name. What names a container without an interface belongs to
 * those of its interfaces that are named, or known besides, or else to the usual one.
 */
export function ownersIn(glance: Glance, known: readonly Owner[]): readonly Owner[] {
  const { links, ports, masqueraded, leases, jumps } = glance;
  const inAliases = links.flatMap(({ alias }) => ownerInAlias(alias) ?? []);
  const inComments = [...ports.keys(), ...masqueraded.keys()].flatMap(
    (each) => ownerIn(each) ?? [],
  );
  const inLeases = leases.flatMap(({ network, containerID, ifName }) =>
    ifName === undefined ? [] : { network, containerID, ifName },
  );
  const named = [...inAliases, ...inComments, ...inLeases];
  const containers = new Set([...named, ...known].map(containerOf));
  const nameless = [...leases.filter(({ ifName }) => ifName === undefined), ...jumps];
  const others = nameless.filter((each) => !containers.has(containerOf(each)));
  const usual = others.map(({ network, containerID }) => ({
    network,
    containerID,
    ifName: "eth0",
  }));
  return [...named, ...usual];
}

/** The name of a container in a network. */
export function containerOf({ network, containerID }: Pick<Owner, "network" | "containerID">) {
  return `${network} ${containerID}`;
}

function portsOf(host: Netns): readonly GlancedPort[] {
  return listLedPorts(host).map(({ comment, protocol, address, port, containerPort }) => {
    const hostIP = address && formatAddress(address);
    return { comment, protocol, hostIP, hostPort: port, containerPort };
  });
}

function masqueradedOf(host: Netns): readonly OwnedElement[] {
  if (findGeneration(host) === undefined) return [];
  return masqueradeMaps.flatMap((map) => listOwnedElements(host, map));
}

function addressesByComment(elements: readonly OwnedElement[]) {
  const byComment = grouped(elements, ({ comment }) => comment);
  return new Map(
    Array.from(byComment, ([comment, own]) => [comment, own.map(({ key }) => formatAddress(key))]),
  );
}

/** Every directory below a `dataDir` is a network's. */
function leasesBelow(dataDir: string, look: Look): readonly GlancedLease[] {
  const networks = look(`"${dataDir}"`, () =>
    hasOwnDirectory(dataDir) ? listDirectory(dataDir) : [],
  );
  return networks.flatMap((network) =>
    look(`"${dataDir}/${network}"`, () => leasesOf(dataDir, network)),
  );
}

function leasesOf(dataDir: string, network: string): readonly GlancedLease[] {
  return leaseShelf(dataDir)
    .list(network)
    .map(({ containerID, ifName, address, path }) => {
      return { network, containerID, ifName, address, path };
    });
}

function dhcpLeases(directory: string): readonly GlancedLease[] {
  return listDhcpLeases(directory).map(({ owner, path, reported }) => ({
    ...owner,
    path,
    address: reported.split("/")[0] ?? "",
  }));
}
