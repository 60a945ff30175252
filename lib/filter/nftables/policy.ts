/**
 * Which connections a container may have, by nf_tables: what the host forwards.
 *
 *   table inet weft
 *     chain policy-source (prerouting)  link       ->  map policy-sources    "veth1"   ->  source-…
 *     chain policy-egress (forward)     source     ->  map egress4, egress6  10.1.2.3  ->  egress-…
 *     chain policy-ingress (forward)    destination -> map ingress4, ingress6          ->  ingress-…
 *     chain egress-<hash>-<rules>       what is denied: drop; what is allowed: accept; else drop
 *
 * A container with a policy has both chains, since each has to keep what the other forbids from coming
 * back as an answer.
 *
 * Both chains let answers through: a connection is judged by its first packet, after the translation
 * of services and host ports. An accept ends one chain alone, so a packet has to pass both.
 * policy-frames.ts has what a bridge forwards itself.
 */

import { type Family, family, formatAddress, type IpAddress } from "../../ip/address.ts";
import type { Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import type { Owner } from "../../net/owner.ts";
import {
  goWhere,
  loadDestination,
  loadMeta,
  loadSource,
  matchFamily,
  NF_ACCEPT,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFT_META_IIFNAME,
  verdictOf,
} from "../../netlink/nft-expression.ts";
import { matchKnownConnection, neighbourTraffic } from "../../netlink/nft-policy.ts";
import {
  NF_INET_FORWARD,
  NF_INET_PRE_ROUTING,
  NF_IP_PRI_FILTER,
  NF_IP_PRI_RAW,
  type NftSet,
} from "../../netlink/nft-request.ts";
import type { Rule } from "../nft-rules.ts";
import type { Enforced } from "../policy-wanted.ts";
import { addEntries } from "./add-entries.ts";
import { findEntryFault } from "./check-entries.ts";
import { deleteElsewhere, deleteEntries } from "./delete-entries.ts";
import { type Dispatcher, type Entries, type Entry, onlyEntries } from "./dispatcher.ts";
import type { OwnedElement, Place } from "./elements.ts";
import { entryShelf, type MarkedElement } from "./entry-shelf.ts";
import { policyRules } from "./policy-chains.ts";
import { ownChain, ownLeaves } from "./policy-leaves.ts";
import { packetSourceRules } from "./policy-sources.ts";
import { addressMap, linkName, linkNameIn, linkSet, inetTable as table } from "./sets.ts";

const egress = {
  4: /* @__PURE__ */ addressMap(table, "egress4", 4),
  6: /* @__PURE__ */ addressMap(table, "egress6", 16),
};
const ingress = {
  4: /* @__PURE__ */ addressMap(table, "ingress4", 4),
  6: /* @__PURE__ */ addressMap(table, "ingress6", 16),
};
const sources = /* @__PURE__ */ linkSet(table, "policy-sources", "verdicts");

/** Before the chains that accept, and the one for who sends before the one for who receives. */
const EGRESS = NF_IP_PRI_FILTER - 20;
const INGRESS = NF_IP_PRI_FILTER - 10;

const dispatcher: Dispatcher = {
  table,
  maps: [egress[4], egress[6], ingress[4], ingress[6], sources],
  chains: () => [
    {
      chain: { table, name: "policy-source", base: filter(NF_INET_PRE_ROUTING, NF_IP_PRI_RAW) },
      rules: [[loadMeta(NFT_META_IIFNAME), goWhere(sources.name)]],
    },
    {
      chain: { table, name: "policy-egress", base: filter(NF_INET_FORWARD, EGRESS) },
      rules: judging(loadSource, egress),
    },
    {
      chain: { table, name: "policy-ingress", base: filter(NF_INET_FORWARD, INGRESS) },
      rules: judging(loadDestination, ingress),
    },
  ],
  leaves: ownLeaves,
};

function filter(hook: number, priority: number) {
  return { type: "filter", hook, priority };
}

type Maps = { readonly [of in 4 | 6]: NftSet };

/** Looks up who a packet is for, or from, unless it belongs to what was let through. */
function judging(load: typeof loadSource, maps: Maps): readonly Rule[] {
  const accept = verdictOf(NF_ACCEPT);
  const ipv6 = matchFamily(NFPROTO_IPV6);
  return [
    [...matchKnownConnection(), accept],
    ...neighbourTraffic().map((match) => [...ipv6, ...match, accept]),
    [...matchFamily(NFPROTO_IPV4), load(4), goWhere(maps[4].name)],
    [...ipv6, load(16), goWhere(maps[6].name)],
  ];
}

/** Judges the connections of an attachment, and what it says of where its packets come from. */
export function addPolicy(host: Netns, enforced: Enforced): void {
  addEntries(host, dispatcher, { ...elementsOf(enforced), holder: enforced.note });
}

function elementsOf(enforced: Enforced): Entries {
  const { owner, addresses, place } = enforced;
  const entries = entriesOf(enforced);
  return onlyEntries({ owner, entries }, placesOf({ addresses, links: place.links }));
}

function entriesOf({ owner, addresses, policy, place }: Enforced): readonly Entry[] {
  const link = place.bridge ?? place.links[0] ?? "";
  const wanted = policyRules(policy, { addresses, link, ofFamily });
  const entries = (what: "ingress" | "egress", maps: Maps) => {
    const rules = wanted[what];
    if (!rules) return [];
    const chain = ownChain(owner, { table, what, rules });
    return addresses.map((address) => ({ ...addressPlace(maps, address), chain }));
  };
  const links = place.bridge === undefined ? place.links : [];
  const source = ownChain(owner, { table, what: "source", rules: packetSourceRules(addresses) });
  return [
    ...entries("egress", egress),
    ...entries("ingress", ingress),
    ...links.map((name) => ({ ...linkPlace(name), what: `"${name}"`, chain: source })),
  ];
}

function ofFamily(of: Family): Rule {
  return matchFamily(of === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

function addressPlace(maps: Maps, address: IpAddress): Place & { readonly what: string } {
  return { set: maps[family(address)], key: address, what: formatAddress(address) };
}

function linkPlace(name: string): Place {
  return { set: sources, key: linkName(name) };
}

/** What is known of an attachment that goes; it spares a search. */
export interface Known {
  readonly addresses: readonly IpAddress[];
  /** Links on the host. */
  readonly links: readonly string[];
}

/** Ends what an attachment's connections are judged by; none is fine. */
export function deletePolicy(host: Netns, owner: Owner, known: Known): void {
  deleteEntries(host, dispatcher, { owner, known: placesOf(known) });
}

/** Ends what is judged at former addresses or links of an attachment. */
export function deleteFormer(host: Netns, { owner, addresses, place }: Enforced): void {
  const known = placesOf({ addresses, links: place.links });
  deleteElsewhere(host, dispatcher, { owner, known });
}

function placesOf({ addresses, links }: Known): readonly Place[] {
  return [
    ...[egress, ingress].flatMap((maps) => addresses.map((each) => addressPlace(maps, each))),
    ...links.map(linkPlace),
  ];
}

/** What is left of an attachment that has no policy any more, in words. */
export function findPolicyLeft(host: Netns, owner: Owner, known: Known): string | undefined {
  return findEntryFault(host, dispatcher, { owner, entries: [], vacant: placesOf(known) });
}

/** What is missing of what an attachment's connections are judged by, in words. */
export function findPolicyFault(host: Netns, enforced: Enforced): string | undefined {
  return findEntryFault(host, dispatcher, elementsOf(enforced));
}

/** What is judged, address by address and link by link. */
export function policyShelf(host: Netns): Shelf<MarkedElement> {
  return entryShelf(host, { dispatcher, keyInWords });
}

function keyInWords({ set, key }: OwnedElement): string {
  if (set === sources) return `policy for what comes from ${linkNameIn(key)}`;
  const isEgress = set === egress[4] || set === egress[6];
  return `${isEgress ? "egress" : "ingress"} policy of ${formatAddress(key)}`;
}
