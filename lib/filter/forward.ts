/**
 * Forwarding by whatever decides over it on this host: nf_tables, and besides it iptables or
 * firewalld where those drop what they do not know. Taking it away covers all of them.
 *
 * Our own table has an element for an address that firewalld has as well: it is how DEL and GC find
 * that, since firewalld knows no owners.
 */

import { lazily } from "../host/lazy.ts";
import { equalAddresses, type IpAddress } from "../ip/address.ts";
import { NetError } from "../net/error.ts";
import { collect } from "../net/inventory.ts";
import type { Netns } from "../net/netns.ts";
import { isOfNetwork, type Owner, ownerTexts } from "../net/owner.ts";
import { findSysctl } from "../net/sysctl.ts";
import {
  type ForwardOptions,
  familiesOf,
  forIptables,
  type Kind,
  type Paths,
  pathsOn,
  usesFirewalld,
  zoneOf,
} from "./forward-backends.ts";
import { findJoinedPort, isolatePorts, noteOfPorts, portsIn } from "./forward-ports.ts";
import type { Forwarding, Port } from "./ingress.ts";
import { forwardFlavours, hasForwardChain } from "./iptables/flavours.ts";
import * as iptables from "./iptables/forward-iptables.ts";
import * as nftables from "./nftables/forward.ts";
import { noteAtPort } from "./nftables/isolation.ts";

type Firewalld = typeof import("./firewalld.lazy.ts");

const firewalld = () => lazily<Firewalld>("firewalld");

/**
 * Lets packets reach an attachment, as its policy says. Throws NetError (conflict) if another one
 * that lives has one of its addresses.
 */
export function addForwarding(host: Netns, wanted: Forwarding, options: ForwardOptions): void {
  const ports = isolatedPorts(wanted);
  if (wanted.addresses.length === 0 && ports.length === 0) return;
  const paths = pathsOn(host, options, wanted);
  requireNoLeak(host, wanted, paths);
  const noted = { ...wanted, note: withIsolated(host, wanted, ports) };
  if (paths.nftables) nftables.addForwarding(host, noted);
  if (paths.filters.length > 0) iptables.addForwarding(host, forIptables(noted, options, paths));
  isolatePorts(host, ports);
  if (paths.firewalld) firewalld().addSources(zoneOf(options), wanted.addresses);
}

function isolatedPorts({ ingress }: Kind): readonly Port[] {
  return ingress.policy === "isolated" ? ingress.ports : [];
}

/** The note, and which of the ports were not isolated before: those are to be joined again. */
function withIsolated(
  host: Netns,
  { owner, note }: Forwarding,
  ports: readonly Port[],
): string | undefined {
  const isBefore = (port: Port) =>
    !port.isolated || portsIn(notesOf(host, owner, port.name)).includes(port.name);
  const names = ports.filter(isBefore).map(({ name }) => name);
  return noteOfPorts(note, names);
}

/** What an attachment that is there already has noted. */
function notesOf(host: Netns, owner: Owner, port: string): readonly string[] {
  const inNftables = noteAtPort(host, owner, port);
  if (inNftables !== undefined) return [inNftables];
  return hasIptablesRules(host) ? iptables.notesOn(host, owner) : [];
}

/** Without nf_tables it takes br_netfilter for what a bridge itself forwards to be dropped. */
function requireNoLeak(host: Netns, { addresses, ingress }: Kind, paths: Paths): void {
  if (paths.nftables || ingress.policy !== "isolated") return;
  for (const of of familiesOf({ addresses, ingress })) {
    const sysctl = `bridge/bridge-nf-call-${of === 4 ? "iptables" : "ip6tables"}`;
    if (findSysctl(host, sysctl) === "1") continue;
    const state = `iptables do not see what it forwards itself unless net/${sysctl} is 1`;
    const message = `Cannot isolate the containers of bridge "${ingress.bridge}": ${state}`;
    throw new NetError("unsupported", `${message}; load the kernel module br_netfilter`);
  }
}

/** What is missing of an attachment's forwarding, in words; nothing is changed. */
export function findForwardingFault(
  host: Netns,
  wanted: Forwarding,
  options: ForwardOptions,
): string | undefined {
  if (wanted.addresses.length === 0 && isolatedPorts(wanted).length === 0) return undefined;
  const paths = pathsOn(host, options, wanted);
  return (
    (paths.nftables ? findNftablesFault(host, wanted, options) : undefined) ??
    (paths.filters.length > 0 ? findIptablesFault(host, wanted, { options, paths }) : undefined) ??
    (paths.firewalld ? firewalld().findSourceFault(zoneOf(options), wanted.addresses) : undefined)
  );
}

/** Where there are no nf_tables, ports are isolated for whom the reference plugin has no rules. */
function findIptablesFault(
  host: Netns,
  wanted: Forwarding,
  { options, paths }: { readonly options: ForwardOptions; readonly paths: Paths },
): string | undefined {
  const byIptables = forIptables(wanted, options, paths);
  const fault = iptables.findForwardingFault(host, byIptables);
  if (fault !== undefined || paths.nftables) return fault;
  return iptables.hasOwnRules(host, byIptables) ? findJoined(wanted) : undefined;
}

/** Unless another backend is asked for, what the reference plugin made by iptables is as good. */
function findNftablesFault(
  host: Netns,
  wanted: Forwarding,
  options: ForwardOptions,
): string | undefined {
  const fault = nftables.findForwardingFault(host, wanted) ?? findJoined(wanted);
  const { backend } = options;
  if (fault === undefined || !hasIptablesRules(host)) return fault;
  const filters = familiesOf(wanted).flatMap((of) =>
    forwardFlavours(host, of).map((flavour) => ({ of, flavour, accepts: true, isAsked: false })),
  );
  const byIptables = forIptables(wanted, options, { nftables: true, filters });
  if (backend === "iptables") return iptables.hasOwnRules(host, byIptables) ? fault : undefined;
  if (backend !== undefined || wanted.ingress.policy !== "open") return fault;
  return iptables.findForwardingFault(host, byIptables) && fault;
}

function findJoined({ ingress }: Kind): string | undefined {
  return ingress.policy === "isolated" ? findJoinedPort(ingress) : undefined;
}

/** An attachment that goes, the addresses it is known to have had, and its links on the host. */
export interface Leaving {
  readonly owner: Owner;
  readonly known: readonly IpAddress[];
  readonly links: readonly string[];
}

/** Frees an attachment's addresses in firewalld; has to come before our own elements go. */
export function deleteFromFirewalld(
  host: Netns,
  { owner, known }: Leaving,
  options: ForwardOptions,
): void {
  if (!usesFirewalld(host, options)) return;
  const all = [
    ...nftables.listForwarded(host),
    ...(hasIptablesRules(host) ? iptables.listForwarded(host) : []),
  ];
  const texts = ownerTexts(owner);
  const own = all.filter(({ comment }) => texts.includes(comment)).map(({ address }) => address);
  const isForeign = (address: IpAddress) =>
    all.some((each) => !texts.includes(each.comment) && equalAddresses(each.address, address));
  const free = [...own, ...known].filter((address) => !isForeign(address));
  firewalld().deleteSources(zoneOf(options), free);
}

/** Deletes an attachment's elements, and joins the ports that they say; none is fine. */
export function deleteFromNftables(host: Netns, { owner, known, links }: Leaving): void {
  nftables.deleteForwarding(host, owner, { addresses: known, links });
}

/** Deletes an attachment's rules in iptables, also those of the reference plugin; joins ports. */
export function deleteFromIptables(host: Netns, { owner, known }: Leaving): void {
  if (!hasIptablesRules(host)) return;
  iptables.deleteForwarding(host, owner, known);
}

function hasIptablesRules(host: Netns): boolean {
  return hasForwardChain(host, 4) || hasForwardChain(host, 6);
}

/** The attachments of a network that are to stay. */
export interface Staying {
  readonly network: string;
  readonly valid: readonly Owner[];
}

/** Frees in firewalld what others of a network had; has to come before our own elements go. */
export function collectFromFirewalld(host: Netns, staying: Staying, options: ForwardOptions): void {
  if (!usesFirewalld(host, options)) return;
  const kept = new Set(staying.valid.flatMap(ownerTexts));
  const stale = nftables
    .listForwarded(host)
    .filter(({ comment }) => isOfNetwork(comment, staying.network) && !kept.has(comment));
  firewalld().deleteSources(
    zoneOf(options),
    stale.map(({ address }) => address),
  );
}

/** Deletes the elements of others of a network, and joins the ports that they say. */
export function collectFromNftables(host: Netns, { network, valid }: Staying): void {
  for (const shelf of nftables.forwardingShelves(host)) collect(shelf, network, valid);
}

/** Deletes the rules of others of a network in iptables, and joins the ports that they say. */
export function collectFromIptables(host: Netns, { network, valid }: Staying): void {
  if (!hasIptablesRules(host)) return;
  iptables.collectForwarding(host, network, valid);
}
