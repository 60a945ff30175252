/**
 * Forwarding by whatever decides over it on this host: nf_tables, and besides it iptables or
 * firewalld where those drop what they do not know. Taking it away covers all of them.
 *
 * Our own table always has an element for an address, unless iptables alone is asked for: it is
 * how DEL and GC find what an attachment has in firewalld, which knows no owners.
 */

import { lazily } from "../host/lazy.ts";
import { equalAddresses, type Family, type IpAddress } from "../ip/address.ts";
import * as nftables from "./forward.ts";
import { hasFirewalldRules, hasForwardChain, isRestricted } from "./forward-path.ts";
import { pathOf } from "./iptables.ts";
import type { Netns } from "./netns.ts";
import { findGeneration } from "./nft.ts";
import { isOfNetwork, type Owner, ownerTexts } from "./owner.ts";

type Iptables = typeof import("./forward-iptables.lazy.ts");
type Firewalld = typeof import("./firewalld.lazy.ts");

export type { Forwarding, Ingress } from "./forward.ts";

/** Who is asked for; undefined leaves the choice to what the host's own rules need. */
export type Backend = "nftables" | "iptables" | "firewalld" | undefined;

/** By what to forward: backend, and the names that iptables and firewalld need. */
export interface Means {
  readonly backend: Backend;
  readonly adminChain: string;
  readonly zone: string;
}

const iptables = () => lazily<Iptables>("forward-iptables");
const firewalld = () => lazily<Firewalld>("firewalld");

/** What has to have rules for packets to pass. */
interface Paths {
  readonly nftables: boolean;
  readonly iptables: readonly Family[];
  readonly firewalld: boolean;
}

function pathsOn(host: Netns, backend: Backend): Paths {
  if (backend === "iptables") return { nftables: false, iptables: [4, 6], firewalld: false };
  if (backend === "nftables") return { nftables: true, iptables: [], firewalld: false };
  if (backend === "firewalld") return { nftables: true, iptables: [], firewalld: true };
  if (findGeneration(host) === undefined) {
    return { nftables: false, iptables: [4, 6], firewalld: false };
  }
  const restricted = ([4, 6] as const).filter((of) => isRestricted(host, of));
  return { nftables: true, iptables: restricted, firewalld: usesFirewalld(host, backend) };
}

function usesFirewalld(host: Netns, backend: Backend): boolean {
  if (backend !== undefined) return backend === "firewalld";
  return hasFirewalldRules(host) && firewalld().firewalldFault() === undefined;
}

/** nf_tables isolates bridges wherever they are used; then iptables only accepts. */
function forIptables(wanted: nftables.Forwarding, { adminChain }: Means, paths: Paths) {
  const ingress = paths.nftables ? ({ policy: "open" } as const) : wanted.ingress;
  return { ...wanted, ingress, adminChain, families: paths.iptables };
}

/** Lets packets reach an attachment, as its policy says. */
export function addForwarding(host: Netns, wanted: nftables.Forwarding, means: Means): void {
  if (wanted.addresses.length === 0) return;
  const paths = pathsOn(host, means.backend);
  if (paths.nftables) nftables.addForwarding(host, wanted);
  if (paths.iptables.length > 0) {
    iptables().addForwarding(host, forIptables(wanted, means, paths));
  }
  if (paths.firewalld) firewalld().addSources(means.zone, wanted.addresses);
}

/** What is missing of an attachment's forwarding, in words; nothing is changed. */
export function findForwardingFault(
  host: Netns,
  wanted: nftables.Forwarding,
  means: Means,
): string | undefined {
  if (wanted.addresses.length === 0) return undefined;
  const paths = pathsOn(host, means.backend);
  return (
    (paths.nftables ? findNftablesFault(host, wanted, means) : undefined) ??
    (paths.iptables.length > 0
      ? iptables().checkForwarding(host, forIptables(wanted, means, paths))
      : undefined) ??
    (paths.firewalld ? firewalld().checkSources(means.zone, wanted.addresses) : undefined)
  );
}

/** Unless a backend is asked for, what the reference plugin accepts by iptables is as good. */
function findNftablesFault(
  host: Netns,
  wanted: nftables.Forwarding,
  means: Means,
): string | undefined {
  const fault = nftables.checkForwarding(host, wanted);
  const isOnlyOurs = means.backend !== undefined || wanted.ingress.policy !== "open";
  if (fault === undefined || isOnlyOurs || !hasIptablesRules(host)) return fault;
  const families = ([4, 6] as const).filter((of) => hasForwardChain(host, of));
  const paths = { nftables: true, iptables: families, firewalld: false };
  return iptables().checkForwarding(host, forIptables(wanted, means, paths)) && fault;
}

/** An attachment that goes, and the addresses it is known to have had. */
export interface Leaving {
  readonly owner: Owner;
  readonly known: readonly IpAddress[];
}

/** Frees an attachment's addresses in firewalld; has to come before our own elements go. */
export function deleteFromFirewalld(host: Netns, { owner, known }: Leaving, means: Means): void {
  if (!usesFirewalld(host, means.backend)) return;
  const all = nftables.listForwarded(host);
  const texts = ownerTexts(owner);
  const own = all.filter(({ comment }) => texts.includes(comment)).map(({ address }) => address);
  const isForeign = (address: IpAddress) =>
    all.some((each) => !texts.includes(each.comment) && equalAddresses(each.address, address));
  const free = [...own, ...known].filter((address) => !isForeign(address));
  firewalld().deleteSources(means.zone, free);
}

/** Deletes an attachment's elements; none is fine. */
export function deleteFromNftables(host: Netns, { owner, known }: Leaving): void {
  nftables.deleteForwarding(host, owner, known);
}

/** Deletes an attachment's rules in iptables, also those of the reference plugin. */
export function deleteFromIptables(host: Netns, { owner, known }: Leaving): void {
  if (hasIptablesRules(host)) iptables().deleteForwarding(host, owner, known);
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
export function collectFromFirewalld(host: Netns, staying: Staying, means: Means): void {
  if (!usesFirewalld(host, means.backend)) return;
  const kept = new Set(staying.valid.flatMap(ownerTexts));
  const stale = nftables
    .listForwarded(host)
    .filter(({ comment }) => isOfNetwork(comment, staying.network) && !kept.has(comment));
  firewalld().deleteSources(
    means.zone,
    stale.map(({ address }) => address),
  );
}

/** Deletes the elements of others of a network. */
export function collectFromNftables(host: Netns, { network, valid }: Staying): void {
  nftables.collectForwarding(host, network, valid);
}

/** Deletes the rules of others of a network in iptables. */
export function collectFromIptables(host: Netns, { network, valid }: Staying): void {
  if (hasIptablesRules(host)) iptables().collectForwarding(host, network, valid);
}

/** What this host lacks for forwarding by these means, in words. */
export function findMissingMeans(host: Netns, { backend }: Means): string | undefined {
  const hasNftables = findGeneration(host) !== undefined;
  if (backend === "nftables" && !hasNftables) return "the kernel has no nf_tables";
  if (backend === "firewalld") return firewalld().firewalldFault();
  const { iptables: families } = pathsOn(host, backend);
  const programs = families.map((of) => (of === 4 ? "iptables-restore" : "ip6tables-restore"));
  const missing = programs.find((program) => pathOf(program) === undefined);
  return missing && `"${missing}" is not installed`;
}
