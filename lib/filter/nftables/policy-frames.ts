/**
 * Which frames a container may send and get on a bridge, so that its policy cannot be evaded there:
 * by another address than its own, by one of the link alone, by a VLAN tag.
 *
 *   table bridge weft
 *     chain policy-source (prerouting)  port  ->  map policy-sources    "veth1"  ->  source-…
 *     chain policy-egress (forward)     port it came by  ->  map egress-ports    ->  egress-frames-…
 *     chain policy-ingress (forward)    port it leaves by -> map ingress-ports   ->  ingress-…
 *     chain source-<hash>-<rules>       ARP, and IP from the container's addresses: accept; else drop
 *     chain ingress-<hash>-<rules>      ARP, IP to its addresses, neighbour discovery; else drop
 *     chain egress-frames-<rules>       IPv6 from an address of the link, but neighbour discovery: drop
 *
 * What passes here is judged in `inet weft`, as br_netfilter hands it there (policy.ts).
 */

import type { IpAddress } from "../../ip/address.ts";
import { hostCidr } from "../../ip/cidr.ts";
import type { Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import type { Owner } from "../../net/owner.ts";
import { ETH_P_ARP, ETH_P_IPV6 } from "../../netlink/if-ether.ts";
import {
  goWhere,
  loadMeta,
  matchMeta,
  NF_ACCEPT,
  NF_DROP,
  NFT_META_IIFNAME,
  NFT_META_OIFNAME,
  verdictOf,
} from "../../netlink/nft-expression.ts";
import { count, matchWireType, neighbourTraffic } from "../../netlink/nft-policy.ts";
import {
  NF_BR_FORWARD,
  NF_BR_PRE_ROUTING,
  NF_BR_PRI_FILTER_BRIDGED,
  NF_BR_PRI_NAT_DST_BRIDGED,
  type NftSet,
} from "../../netlink/nft-request.ts";
import type { Rule } from "../nft-rules.ts";
import type { Enforced } from "../policy-wanted.ts";
import { addEntries } from "./add-entries.ts";
import type { ChainWithRules } from "./chains.ts";
import { findEntryFault } from "./check-entries.ts";
import { deleteElsewhere, deleteEntries } from "./delete-entries.ts";
import { type Dispatcher, type Entries, type Entry, onlyEntries } from "./dispatcher.ts";
import type { Place } from "./elements.ts";
import { entryShelf, type MarkedElement } from "./entry-shelf.ts";
import { ownChain, ownLeaves } from "./policy-leaves.ts";
import { frameAt, frameSourceRules, linkLocal, unspecified } from "./policy-sources.ts";
import { linkName, linkNameIn, linkSet, bridgeTable as table } from "./sets.ts";

const sources = /* @__PURE__ */ linkSet(table, "policy-sources", "verdicts");
const egressPorts = /* @__PURE__ */ linkSet(table, "egress-ports", "verdicts");
const ingressPorts = /* @__PURE__ */ linkSet(table, "ingress-ports", "verdicts");
const maps = [sources, egressPorts, ingressPorts];

const before = NF_BR_PRI_NAT_DST_BRIDGED;
const forward = NF_BR_PRI_FILTER_BRIDGED;

const dispatcher: Dispatcher = {
  table,
  maps,
  chains: () => [
    looking("policy-source", { hook: NF_BR_PRE_ROUTING, priority: before + 10 }, sources),
    looking("policy-egress", { hook: NF_BR_FORWARD, priority: forward + 10 }, egressPorts),
    looking("policy-ingress", { hook: NF_BR_FORWARD, priority: forward + 20 }, ingressPorts),
  ],
  leaves: ownLeaves,
};

/** A chain at a hook that looks up by which port a frame came, or is to leave. */
function looking(
  name: string,
  at: { readonly hook: number; readonly priority: number },
  map: NftSet,
): ChainWithRules {
  const port = map === ingressPorts ? NFT_META_OIFNAME : NFT_META_IIFNAME;
  const base = { type: "filter", ...at };
  return { chain: { table, name, base }, rules: [[loadMeta(port), goWhere(map.name)]] };
}

/** Keeps the frames of an attachment's ports to what its policy can judge. */
export function addFrameRules(host: Netns, enforced: Enforced): void {
  addEntries(host, dispatcher, { ...elementsOf(enforced), holder: enforced.note });
}

function elementsOf(enforced: Enforced): Entries {
  const { owner, place } = enforced;
  return onlyEntries({ owner, entries: entriesOf(enforced) }, placesOf(place.links));
}

function entriesOf({ owner, addresses, policy, place, hasAgent }: Enforced): readonly Entry[] {
  const ports = place.bridge === undefined ? [] : place.links;
  const entries = (set: NftSet, chain: ChainWithRules) =>
    ports.map((name) => ({ set, key: linkName(name), what: `port "${name}"`, chain }));
  const source = ownChain(owner, { table, what: "source", rules: frameSourceRules(addresses) });
  const inward = ownChain(owner, { table, what: "ingress", rules: inwardRules(addresses, ports) });
  return [
    ...entries(sources, source),
    ...(policy.egress || hasAgent ? entries(egressPorts, outward()) : []),
    ...(policy.ingress || hasAgent ? entries(ingressPorts, inward) : []),
  ];
}

/**
 * What reaches a port: what is for its container and not in its name, and what neighbours need. A frame
 * that comes back to the port that it came by is the container's own, by way of a service.
 */
function inwardRules(own: readonly IpAddress[], ports: readonly string[]): readonly Rule[] {
  const accept = verdictOf(NF_ACCEPT);
  const drop = [count, verdictOf(NF_DROP)];
  return [
    ...ports.map((port) => [...matchMeta(NFT_META_IIFNAME, linkName(port)), accept]),
    [...matchWireType(ETH_P_ARP), accept],
    ...own.map((address) => [...frameAt(hostCidr(address), "source"), ...drop]),
    ...own.map((address) => [...frameAt(hostCidr(address), "destination"), accept]),
    ...neighbourTraffic().map((match) => [...matchWireType(ETH_P_IPV6), ...match, accept]),
    drop,
  ];
}

/** What is sent from no address that could be judged is for neighbours, or for nobody. */
function outwardRules(): readonly Rule[] {
  const accept = verdictOf(NF_ACCEPT);
  const drop = [count, verdictOf(NF_DROP)];
  return [
    ...neighbourTraffic().map((match) => [...matchWireType(ETH_P_IPV6), ...match, accept]),
    ...[linkLocal, unspecified].map((network) => [...frameAt(network, "source"), ...drop]),
  ];
}

/** The chain for that, which all attachments share. */
function outward(): ChainWithRules {
  const rules = outwardRules();
  return { chain: { table, name: `egress-frames-${rules.length}` }, rules };
}

/** Ends what an attachment's frames are kept to; none is fine. The names of its links spare a search. */
export function deleteFrameRules(host: Netns, owner: Owner, links: readonly string[]): void {
  deleteEntries(host, dispatcher, { owner, known: placesOf(links) });
}

/** Ends what the frames of former ports of an attachment are kept to. */
export function deleteFormerFrames(host: Netns, { owner, place }: Enforced): void {
  deleteElsewhere(host, dispatcher, { owner, known: placesOf(place.links) });
}

function placesOf(links: readonly string[]): readonly Place[] {
  return links.flatMap((name) => maps.map((set) => ({ set, key: linkName(name) })));
}

/** What is left at the ports of an attachment that has no policy any more, in words. */
export function findFrameLeft(
  host: Netns,
  owner: Owner,
  links: readonly string[],
): string | undefined {
  return findEntryFault(host, dispatcher, { owner, entries: [], vacant: placesOf(links) });
}

/** What is missing of what an attachment's frames are kept to, in words. */
export function findFrameFault(host: Netns, enforced: Enforced): string | undefined {
  return findEntryFault(host, dispatcher, elementsOf(enforced));
}

/** The ports whose frames are kept to something. */
export function frameShelf(host: Netns): Shelf<MarkedElement> {
  return entryShelf(host, {
    dispatcher,
    keyInWords: ({ key }) => `policy for frames of ${linkNameIn(key)}`,
  });
}
