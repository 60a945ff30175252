/**
 * The link by which the other hosts of a network are reached, and this host's addresses there, as
 * flanneld's command line has them: by a link's name or address, by expressions, by an address that is to
 * be reached, by an address that others know; else the link of the default route.
 */

import {
  equalAddresses,
  type Family,
  family,
  formatAddress,
  type IpAddress,
  isGlobalUnicast,
  parseAddress,
} from "../ip/address.ts";
import { type Cidr, containsAddress } from "../ip/cidr.ts";
import * as netlink from "../netlink/address.ts";
import { outputsOf } from "../netlink/route.ts";
import type { Address } from "./address.ts";
import { NetError } from "./error.ts";
import { listEveryAddress } from "./every-address.ts";
import { type Link, listLinks } from "./link.ts";
import type { Netns } from "./netns.ts";
import { findWay, listDefaults } from "./uplink.ts";

/** By what the link is found: the first that one of these finds; without any, the default route's. */
export interface UplinkWish {
  /** Names of links, or addresses of theirs. */
  readonly links: readonly string[];
  /** Matched with addresses first, then with names. */
  readonly expressions: readonly RegExp[];
  readonly canReach: IpAddress | undefined;
  /** Addresses under which others know this host, one of each family at most. */
  readonly told: readonly IpAddress[];
  /** The network, one subnet of each family: its own addresses are none to reach hosts by. */
  readonly networks: readonly Cidr[];
}

/** The link, and this host's addresses there in the order of the network's families. */
export interface Uplink {
  readonly link: Link;
  readonly addresses: readonly HostAddress[];
}

/** One of this host's addresses. */
export interface HostAddress {
  /** What the link has. */
  readonly local: IpAddress;
  /** What others know: the same, or what leads here by way of a NAT. */
  readonly told: IpAddress;
}

/** A link with those of its addresses that hosts may be reached by, the best first. */
export interface Candidate {
  readonly link: Link;
  readonly addresses: readonly IpAddress[];
}

/** What the kernel says, as far as a wish asks for it. */
export interface Surroundings {
  /** Without the loopback, in the order in which they were made. */
  readonly candidates: readonly Candidate[];
  /** The index of the link of the first default route of each family. */
  readonly defaults: Readonly<Record<Family, number | undefined>>;
  /** The index of the link by which `canReach` is reached. */
  readonly way: number | undefined;
}

/** Finds them; throws NetError, which says which links there are, if none will do. */
export function chooseUplink(host: Netns, wish: UplinkWish): Uplink {
  return chooseAmong(wish, look(host, wish));
}

/* ---- what there is ---- */

function look(host: Netns, { canReach, networks }: UplinkWish): Surroundings {
  const all = listEveryAddress(host);
  const isUsable = ({ cidr: { address }, flags }: Address) =>
    isGlobalUnicast(address) &&
    !networks.some((network) => containsAddress(network, address)) &&
    (flags & (netlink.IFA_F_TENTATIVE | netlink.IFA_F_DADFAILED)) === 0;
  const candidates = listLinks(host)
    .filter(({ name }) => name !== "lo")
    .map((link) => {
      const own = all.filter((each) => each.link === link.index && isUsable(each));
      const best = [...own].sort((a, b) => rankOf(b) - rankOf(a));
      return { link, addresses: best.map(({ cidr }) => cidr.address) };
    });
  const defaults = { 4: defaultOf(host, 4), 6: defaultOf(host, 6) };
  return { candidates, defaults, way: canReach && findWay(host, canReach)?.index };
}

function defaultOf(host: Netns, of: Family): number | undefined {
  const all = listDefaults(host, of === 4 ? netlink.AF_INET : netlink.AF_INET6);
  const [first] = [...all].sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
  return first && outputsOf(first)[0];
}

/** linux/if_addr.h */
const IFA_F_TEMPORARY = 0x01;
const IFA_F_DEPRECATED = 0x20;
const IFA_F_PERMANENT = 0x80;

/**
 * The higher the better: of the widest scope, in use still, not one of those that change for
 * privacy, and not on loan. (Of IPv4 the flag of temporary ones says that it is not the first.)
 */
export function rankOf({ cidr, flags, scope }: Address): number {
  const has = (flag: number) => (flags & flag) !== 0;
  const isTemporary = family(cidr.address) === 6 && has(IFA_F_TEMPORARY);
  return (
    8 * +(scope === 0) + 4 * +!has(IFA_F_DEPRECATED) + 2 * +!isTemporary + +has(IFA_F_PERMANENT)
  );
}

/* ---- choosing ---- */

/** A link that was found, and the address by which it was, if it was by one. */
interface Match {
  readonly candidate: Candidate;
  readonly by?: IpAddress | undefined;
}

/** One way to find it: what is looked for, in words, and what was found. */
interface Attempt {
  readonly what: string;
  readonly match: Match | undefined;
}

/** Chooses by what is known. */
export function chooseAmong(wish: UplinkWish, around: Surroundings): Uplink {
  const { links, expressions, canReach } = wish;
  const isAsked = links.length > 0 || expressions.length > 0 || canReach !== undefined;
  const attempts = isAsked ? attemptsBy(wish, around) : attemptsWithout(wish, around);
  const faults: string[] = [];
  for (const { what, match } of attempts) {
    const uplink = match ? uplinkOf(match, wish) : `there is no ${what}`;
    if (typeof uplink !== "string") return uplink;
    faults.push(uplink);
  }
  const state = `${[...new Set(faults)].join("; ")}; ${inWords(around.candidates)}`;
  throw new NetError("unsupported", `Cannot find the link to other hosts: ${state}`);
}

function* attemptsBy(wish: UplinkWish, around: Surroundings): Iterable<Attempt> {
  const { candidates, way } = around;
  for (const text of wish.links) {
    const address = parseAddress(text);
    const what = address ? `link with address ${text}` : `link "${text}"`;
    const named = candidates.find(({ link }) => link.name === text);
    yield { what, match: address ? ownerOf(candidates, address) : named && { candidate: named } };
  }
  for (const expression of wish.expressions) {
    const what = `link with an address or a name that matches ${expression.source}`;
    yield { what, match: matching(candidates, expression) };
  }
  if (!wish.canReach) return;
  const what = `route to ${formatAddress(wish.canReach)} by another link than "lo"`;
  yield { what, match: linkOf(candidates, way) };
}

function* attemptsWithout(wish: UplinkWish, around: Surroundings): Iterable<Attempt> {
  const { candidates, defaults } = around;
  for (const address of wish.told) {
    const match = ownerOf(candidates, address);
    if (match) yield { what: "", match };
  }
  const families = wish.networks.map(({ address }) => family(address));
  const found = families.flatMap((each) => defaults[each] ?? []);
  const [first, second = first] = found;
  const isOne = first === second;
  const several = "default route that both families have by one link (choose one by --iface)";
  const what = isOne ? "default route (choose a link by --iface)" : several;
  yield { what, match: isOne ? linkOf(candidates, first) : undefined };
}

function ownerOf(candidates: readonly Candidate[], address: IpAddress): Match | undefined {
  const candidate = candidates.find((each) => has(each, address));
  return candidate && { candidate, by: address };
}

function linkOf(candidates: readonly Candidate[], index: number | undefined): Match | undefined {
  const candidate = candidates.find(({ link }) => link.index === index);
  return candidate && { candidate };
}

function matching(candidates: readonly Candidate[], expression: RegExp): Match | undefined {
  for (const candidate of candidates) {
    const by = candidate.addresses.find((each) => expression.test(formatAddress(each)));
    if (by) return { candidate, by };
  }
  const candidate = candidates.find(({ link }) => expression.test(link.name));
  return candidate && { candidate };
}

/** The uplink that a link is, or why it is none. */
function uplinkOf({ candidate, by }: Match, wish: UplinkWish): Uplink | string {
  const addresses: HostAddress[] = [];
  for (const { address } of wish.networks) {
    const isOf = (each: IpAddress | undefined) => each?.length === address.length;
    const told = wish.told.find(isOf);
    const own = told && has(candidate, told) ? told : undefined;
    const local = own ?? (isOf(by) ? by : undefined) ?? candidate.addresses.find(isOf);
    if (!local) {
      return `link "${candidate.link.name}" has no IPv${family(address)} address that others can reach`;
    }
    addresses.push({ local, told: told ?? local });
  }
  return { link: candidate.link, addresses };
}

function has({ addresses }: Candidate, address: IpAddress): boolean {
  return addresses.some((each) => equalAddresses(each, address));
}

/** How many links an error names. */
const MOST_NAMED = 8;

function inWords(candidates: readonly Candidate[]): string {
  const usable = candidates.filter(({ addresses }) => addresses.length > 0);
  if (usable.length === 0) return "no link has an address that others can reach";
  const words = usable.slice(0, MOST_NAMED).map(({ link, addresses }) => {
    return `"${link.name}" (${addresses.map(formatAddress).join(", ")})`;
  });
  const more = usable.length > MOST_NAMED ? ` and ${usable.length - MOST_NAMED} more` : "";
  return `links with addresses that others can reach are ${words.join(", ")}${more}`;
}
