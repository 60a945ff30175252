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
 * What passes here is judged in `inet weft`, as br_netfilter hands it there (policy.ts). Without that
 * module the same rules are in chains of the port, where its frames are all there are: then they are
 * egress-judged-<hash>-<rules> and ingress-judged-<hash>-<rules>.
 */

import type { IpAddress } from "../../ip/address.ts";
import type { Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import type { Owner } from "../../net/owner.ts";
import {
  goWhere,
  loadMeta,
  NFT_META_IIFNAME,
  NFT_META_OIFNAME,
} from "../../netlink/nft-expression.ts";
import {
  NF_BR_FORWARD,
  NF_BR_PRE_ROUTING,
  NF_BR_PRI_FILTER_BRIDGED,
  NF_BR_PRI_NAT_DST_BRIDGED,
  type NftSet,
} from "../../netlink/nft-request.ts";
import type { BridgeJudge, Enforced, PolicyPlace } from "../policy-wanted.ts";
import { addEntries } from "./add-entries.ts";
import type { ChainWithRules } from "./chains.ts";
import { findEntryFault } from "./check-entries.ts";
import { deleteElsewhere, deleteEntries } from "./delete-entries.ts";
import { type Dispatcher, type Entries, type Entry, onlyEntries } from "./dispatcher.ts";
import type { Place } from "./elements.ts";
import { entryShelf, type MarkedElement } from "./entry-shelf.ts";
import { inwardRules, judgedFrameRules, outwardRules } from "./policy-frame-rules.ts";
import { ownChain, ownLeaves } from "./policy-leaves.ts";
import { frameSourceRules } from "./policy-sources.ts";
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

/** Keeps the frames of an attachment's ports to what its policy can judge, and judges them if it is to. */
export function addFrameRules(host: Netns, enforced: Enforced, judge: BridgeJudge): void {
  addEntries(host, dispatcher, { ...elementsOf(enforced, judge), holder: enforced.note });
}

function elementsOf(enforced: Enforced, judge: BridgeJudge): Entries {
  const { owner, place } = enforced;
  const entries = judge === "bridge" ? judgedEntries(enforced) : entriesOf(enforced);
  return onlyEntries({ owner, entries }, placesOf(place.links));
}

function entriesOf({ owner, addresses, policy, place, hasAgent }: Enforced): readonly Entry[] {
  const ports = portsOf(place);
  const inward = ownChain(owner, { table, what: "ingress", rules: inwardRules(addresses, ports) });
  return [
    ...sourceEntries(owner, addresses, ports),
    ...(policy.egress || hasAgent ? entriesAt(egressPorts, ports, outward()) : []),
    ...(policy.ingress || hasAgent ? entriesAt(ingressPorts, ports, inward) : []),
  ];
}

/** The same where the connections of the ports are judged as well. */
function judgedEntries(enforced: Enforced): readonly Entry[] {
  const { owner, addresses, policy, place } = enforced;
  const ports = portsOf(place);
  const { ingress, egress } = judgedFrameRules(policy, addresses, ports);
  if (!ingress || !egress) return entriesOf(enforced);
  const outwards = ownChain(owner, { table, what: "egress-judged", rules: egress });
  const inwards = ownChain(owner, { table, what: "ingress-judged", rules: ingress });
  return [
    ...sourceEntries(owner, addresses, ports),
    ...entriesAt(egressPorts, ports, outwards),
    ...entriesAt(ingressPorts, ports, inwards),
  ];
}

function portsOf({ bridge, links }: PolicyPlace): readonly string[] {
  return bridge === undefined ? [] : links;
}

function sourceEntries(
  owner: Owner,
  addresses: readonly IpAddress[],
  ports: readonly string[],
): readonly Entry[] {
  const rules = frameSourceRules(addresses);
  return entriesAt(sources, ports, ownChain(owner, { table, what: "source", rules }));
}

function entriesAt(set: NftSet, ports: readonly string[], chain: ChainWithRules): readonly Entry[] {
  return ports.map((name) => ({ set, key: linkName(name), what: `port "${name}"`, chain }));
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
export function findFrameFault(
  host: Netns,
  enforced: Enforced,
  judge: BridgeJudge,
): string | undefined {
  return findEntryFault(host, dispatcher, elementsOf(enforced, judge));
}

/** The ports whose frames are kept to something. */
export function frameShelf(host: Netns): Shelf<MarkedElement> {
  return entryShelf(host, {
    dispatcher,
    keyInWords: ({ key }) => `policy for frames of ${linkNameIn(key)}`,
  });
}
