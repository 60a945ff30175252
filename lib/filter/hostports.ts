/**
 * Ports of this host that lead to containers, by nf_tables or iptables, with what belongs to them:
 * the loopback's way to a container, and the end of connections that still lead elsewhere.
 */

import { EOPNOTSUPP, SystemError } from "../host/errno.ts";
import { lazily } from "../host/lazy.ts";
import { warn } from "../host/warn.ts";
import { listLocalAddresses } from "../net/address.ts";
import { forgetConnections } from "../net/conntrack.ts";
import { collect } from "../net/inventory.ts";
import { findLinks, type Link } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import type { Owner } from "../net/owner.ts";
import { setSysctl } from "../net/sysctl.ts";
import { findWay } from "../net/uplink.ts";
import { isRefusal, NetlinkError } from "../netlink/error.ts";
import { notInstalled, pathOf } from "./iptables/iptables.ts";
import { findGuardFault, guardLoopback } from "./loopback.ts";
import { findGeneration } from "./nft-transaction.ts";
import * as nftables from "./nftables/hostports.ts";
import { addGuard } from "./nftables/martians.ts";
import {
  type FormerPort,
  familyOf,
  type HostPorts,
  type PortBackend,
  type PortOptions,
  protocolNumbers,
} from "./port-mapping.ts";
import { hasHostportTables } from "./reference/tables.ts";

type Iptables = typeof import("./iptables/hostports-iptables.lazy.ts");

const iptables = () => lazily<Iptables>("hostports-iptables");

/**
 * Leads ports to a container, and tells by which backend; throws NetError (conflict) if another
 * attachment has one of them. What those had that are gone is taken over, and that is said.
 */
export function addPortMappings(host: Netns, wanted: HostPorts, options: PortOptions): PortBackend {
  if (options.backend !== "iptables" && addByNftables(host, wanted, options)) return "nftables";
  tellTaken(iptables().addHostPorts(host, wanted, options));
  return "iptables";
}

function tellTaken(former: readonly string[]): void {
  for (const each of former) warn(`portmap: took over ${each}, which is gone`);
}

/** False if the kernel has no nf_tables, and they are not insisted on. */
function addByNftables(host: Netns, wanted: HostPorts, { backend }: PortOptions): boolean {
  try {
    tellTaken(nftables.addHostPorts(host, wanted));
    return true;
  } catch (cause) {
    if (backend !== undefined || !isRefusal(cause, EOPNOTSUPP)) throw cause;
    return false;
  }
}

function usesNftables(host: Netns, { backend }: Pick<PortOptions, "backend">): boolean {
  return backend === "nftables" || (!backend && findGeneration(host) !== undefined);
}

/**
 * Lets what this host sends from 127.0.0.1 out to a container, which only the guard makes safe: it
 * is there before. Where that is not asked for, a link that is open already is guarded.
 */
export function openLoopback(host: Netns, wanted: HostPorts, backend: PortBackend): void {
  const links = linksOf(host, wanted);
  if (!wanted.snat || !isGuarded(host, links, backend)) {
    guardLoopback(host, ...links);
    return;
  }
  for (const { name, routeLocalnet } of links) {
    if (routeLocalnet !== 1) setSysctl(host, `ipv4/conf/${name}/route_localnet`, "1");
  }
}

/** By nftables the guard is made with the mappings, by iptables here. */
function isGuarded(host: Netns, links: readonly Link[], backend: PortBackend): boolean {
  if (links.length === 0 || backend === "nftables" || addGuard(host)) return true;
  const state = "without nf_tables nothing keeps containers from sending to 127.0.0.1";
  warn(`Cannot map host ports at 127.0.0.1: ${state}`);
  return false;
}

/** The links behind which containers with IPv4 are. */
function linksOf(host: Netns, { targets }: HostPorts): readonly Link[] {
  const ipv4 = targets.filter((target) => familyOf(target) === 4);
  return ipv4.flatMap(({ container }) => findWay(host, container.address) ?? []);
}

/** More links than a result of any list has: it may come from anybody. */
const MOST_LINKS = 16;

/** Of the host's links with these names, those that are open to 127.0.0.0/8 are guarded, or closed. */
export function guardLinks(host: Netns, names: readonly string[]): void {
  const some = names.slice(0, MOST_LINKS);
  if (some.length > 0) guardLoopback(host, ...findLinks(host, ...some));
}

/** Ends UDP connections that were led elsewhere before, or lead to a container that is gone. */
export function forgetDatagrams(host: Netns, ports: readonly FormerPort[]): void {
  const datagrams = ports.filter(({ protocol }) => protocol === "udp");
  if (datagrams.length === 0) return;
  try {
    const own = datagrams.some(({ address }) => !address) ? listLocalAddresses(host) : [];
    for (const { address, port, family } of datagrams) {
      const filter = { family, protocol: protocolNumbers.udp, destinationPort: port };
      forgetConnections(host, filter, address ? [address] : own);
    }
  } catch (cause) {
    if (!(cause instanceof NetlinkError) && !(cause instanceof SystemError)) throw cause;
    warn(cause.message);
  }
}

/** All ports of mappings, by family. */
export function portsOf({ targets }: HostPorts): readonly FormerPort[] {
  return targets.flatMap((target) =>
    target.mappings.map((mapping) => ({ ...mapping, family: familyOf(target) })),
  );
}

/** What is missing, in words; undefined if all ports lead to the container. */
export function findPortMappingFault(
  host: Netns,
  wanted: HostPorts,
  options: PortOptions,
): string | undefined {
  const links = linksOf(host, wanted);
  const closed = wanted.snat && links.find(({ routeLocalnet }) => routeLocalnet !== 1);
  return (
    findRuleFault(host, wanted, options) ??
    (closed && `route_localnet of "${closed.name}" is off`) ??
    findGuardFault(host, ...links)
  );
}

/** Unless a backend is asked for, what the reference plugin made by iptables is as good. */
function findRuleFault(host: Netns, wanted: HostPorts, options: PortOptions): string | undefined {
  if (!usesNftables(host, options)) return iptables().findHostPortFault(host, wanted, options);
  const fault = nftables.findHostPortFault(host, wanted);
  if (fault === undefined || options.backend !== undefined || !hasHostportTables(host))
    return fault;
  return iptables().findHostPortFault(host, wanted, options) && fault;
}

/** An attachment that goes: what it has in nf_tables. If ports are known, that spares a search. */
export function deleteFromNftables(host: Netns, wanted: HostPorts): void {
  forgetDatagrams(host, nftables.deleteHostPorts(host, wanted));
}

/** An attachment that goes: what it, or the reference plugin for it, has in other tables. */
export function deleteFromOthers(host: Netns, owner: Owner): void {
  if (hasHostportTables(host)) forgetDatagrams(host, iptables().deleteHostPorts(host, owner));
}

/** Takes back the ports of all attachments of a network but the valid ones, in nf_tables. */
export function collectFromNftables(host: Netns, network: string, valid: readonly Owner[]): void {
  collect(nftables.hostPortShelf(host), network, valid);
}

/** Takes back what others of a network, or the reference plugin for them, have in other tables. */
export function collectFromOthers(host: Netns, network: string, valid: readonly Owner[]): void {
  if (hasHostportTables(host)) iptables().collectHostPorts(host, network, valid);
}

/** What this host lacks for a backend, in words. */
export function findMissingBackend(host: Netns, { backend }: PortOptions): string | undefined {
  const hasNftables = findGeneration(host) !== undefined;
  if (backend === "nftables") return hasNftables ? undefined : "the kernel has no nf_tables";
  if ((!backend && hasNftables) || pathOf("iptables-restore")) return undefined;
  return notInstalled("iptables-restore");
}
