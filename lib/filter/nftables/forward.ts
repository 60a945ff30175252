/**
 * Which forwarded packets reach a container, by nf_tables.
 *
 *   table inet weft
 *     chain forward (filter hook)       destination  ->  map forward4 or forward6
 *     map forward4                      10.1.2.3 "network containerID ifName"  ->  to-br0-isolated
 *     chain to-br0-isolated             from br0, or a bridge of the sets: drop; else accept
 *     sets isolated, same-bridge        br0, as long as its chain exists
 *     chain forward, to other addresses from a bridge of a set to one, if one is isolated: drop
 *   table bridge weft
 *     chain forward (filter hook)       port  ->  map isolated-ports; destination  ->  isolated4, 6
 *     map isolated-ports                "veth1" "network containerID ifName"  ->  isolated: drop
 *
 * The second table cuts what the bridge itself forwards, and the first never sees: any frame to an
 * isolated port. Addresses are looked up there only for containers of which no port is known. A
 * packet costs a few lookups, and an attachment one element for an address and one for a port,
 * however many there are.
 */

import { family, formatAddress, type IpAddress } from "../../ip/address.ts";
import type { Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import { type Owner, ownerTexts } from "../../net/owner.ts";
import { ETH_P_IP, ETH_P_IPV6 } from "../../netlink/if-ether.ts";
import {
  goWhere,
  loadDestination,
  loadMeta,
  matchFamily,
  matchIn,
  matchMeta,
  NF_ACCEPT,
  NF_DROP,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFT_META_IIFNAME,
  NFT_META_OIFNAME,
  verdictOf,
} from "../../netlink/nft-expression.ts";
import { matchProtocol } from "../../netlink/nft-packet.ts";
import {
  NF_BR_FORWARD,
  NF_BR_PRI_FILTER_BRIDGED,
  NF_INET_FORWARD,
  NF_IP_PRI_FILTER,
  type NftChain,
  type NftSet,
} from "../../netlink/nft-request.ts";
import { joinPorts, portsIn } from "../forward-ports.ts";
import type { Forwarded, Forwarding, Ingress } from "../forwarding.ts";
import type { Rule } from "../nft-rules.ts";
import { ask, unlessUnsupported } from "../nft-transaction.ts";
import { addEntries } from "./add-entries.ts";
import { findEntryFault } from "./check-entries.ts";
import { deleteEntries } from "./delete-entries.ts";
import { type Dispatcher, type Entry, leavesWith } from "./dispatcher.ts";
import { elementAt, listOwnedElements, type OwnedElement, type Place } from "./elements.ts";
import { entryShelf, type MarkedElement } from "./entry-shelf.ts";
import {
  addressMap,
  bridgeTable,
  linkName,
  linkNameIn,
  linkSet,
  inetTable as table,
} from "./sets.ts";

const forward4 = /* @__PURE__ */ addressMap(table, "forward4", 4);
const forward6 = /* @__PURE__ */ addressMap(table, "forward6", 16);
const isolated4 = /* @__PURE__ */ addressMap(bridgeTable, "isolated4", 4);
const isolated6 = /* @__PURE__ */ addressMap(bridgeTable, "isolated6", 16);
const isolatedPorts = /* @__PURE__ */ linkSet(bridgeTable, "isolated-ports", "verdicts");
const isolated = /* @__PURE__ */ linkSet(table, "isolated", "nothing");
const sameBridge = /* @__PURE__ */ linkSet(table, "same-bridge", "nothing");

/** The chain of containers that everybody reaches, and how many rules any other one has. */
const OPEN = "to-any";
const RULES = 4;

const dispatcher: Dispatcher = {
  table,
  maps: [forward4, forward6],
  chains: () => [
    {
      chain: {
        table,
        name: "forward",
        base: { type: "filter", hook: NF_INET_FORWARD, priority: NF_IP_PRI_FILTER },
      },
      rules: [
        [...matchFamily(NFPROTO_IPV4), loadDestination(4), goWhere(forward4.name)],
        [...matchFamily(NFPROTO_IPV6), loadDestination(16), goWhere(forward6.name)],
        between(isolated, isolated),
        between(isolated, sameBridge),
        between(sameBridge, isolated),
      ],
    },
  ],
  leaves: {
    rulesIn: (chain) => (chain === OPEN ? 1 : RULES),
    areKept: false,
    companionSets: [isolated, sameBridge],
    companionsOf,
  },
};

/** Drops what comes from a bridge of one set and goes to a bridge of another. */
function between(from: NftSet, to: NftSet): Rule {
  const isTo = [loadMeta(NFT_META_OIFNAME), matchIn(to.name)];
  return [...isTo, loadMeta(NFT_META_IIFNAME), matchIn(from.name), verdictOf(NF_DROP)];
}

const bridged: Dispatcher = {
  table: bridgeTable,
  maps: [isolatedPorts, isolated4, isolated6],
  chains: () => [
    {
      chain: {
        table: bridgeTable,
        name: "forward",
        base: { type: "filter", hook: NF_BR_FORWARD, priority: NF_BR_PRI_FILTER_BRIDGED },
      },
      rules: [
        [loadMeta(NFT_META_OIFNAME), goWhere(isolatedPorts.name)],
        [...matchProtocol(ETH_P_IP), loadDestination(4), goWhere(isolated4.name)],
        [...matchProtocol(ETH_P_IPV6), loadDestination(16), goWhere(isolated6.name)],
      ],
    },
  ],
  leaves: leavesWith(1),
};

/** `to-br0-isolated` exists as long as br0 is in the set `isolated`. */
function companionsOf(chain: string): readonly Place[] {
  const set = [isolated, sameBridge].find(({ name }) => chain.endsWith(`-${name}`));
  const bridge = set && chain.slice("to-".length, -`-${set.name}`.length);
  return set && bridge !== undefined ? [{ set, key: linkName(bridge) }] : [];
}

/** Accepts what goes to the addresses, unless their bridge is isolated from where it comes from. */
export function addForwarding(host: Netns, forwarding: Forwarding): void {
  const { owner, note: holder } = forwarding;
  addEntries(host, dispatcher, { owner, holder, entries: entriesOf(forwarding) });
  addEntries(host, bridged, { owner, holder, entries: bridgedEntriesOf(forwarding) });
}

function entriesOf({ addresses, ingress }: Forwarding): readonly Entry[] {
  const chain = { chain: chainFor(ingress), rules: rulesFor(ingress) };
  return addresses.map((address) => ({
    ...placeOf(address),
    what: formatAddress(address),
    chain,
  }));
}

function chainFor(ingress: Ingress): NftChain {
  const name = ingress.policy === "open" ? OPEN : `to-${ingress.bridge}-${ingress.policy}`;
  return { table, name };
}

function rulesFor(ingress: Ingress): readonly Rule[] {
  if (ingress.policy === "open") return [[verdictOf(NF_ACCEPT)]];
  const fromItself = matchMeta(NFT_META_IIFNAME, linkName(ingress.bridge));
  return [
    [...fromItself, verdictOf(ingress.policy === "isolated" ? NF_DROP : NF_ACCEPT)],
    [loadMeta(NFT_META_IIFNAME), matchIn(isolated.name), verdictOf(NF_DROP)],
    [loadMeta(NFT_META_IIFNAME), matchIn(sameBridge.name), verdictOf(NF_DROP)],
    [verdictOf(NF_ACCEPT)],
  ];
}

/** By port wherever one is known. */
function bridgedEntriesOf({ addresses, ingress }: Forwarding): readonly Entry[] {
  if (ingress.policy !== "isolated") return [];
  const places = [
    ...ingress.ports.map(({ name }) => ({ ...portPlaceOf(name), what: `port "${name}"` })),
    ...(ingress.ports.length > 0 ? [] : addresses).map((address) => ({
      ...bridgedPlaceOf(address),
      what: formatAddress(address),
    })),
  ];
  const chain = {
    chain: { table: bridgeTable, name: "isolated" },
    rules: [[verdictOf(NF_DROP)]],
  };
  return places.map((place) => ({ ...place, chain }));
}

function placeOf(address: IpAddress): Place {
  return { set: family(address) === 4 ? forward4 : forward6, key: address };
}

function bridgedPlaceOf(address: IpAddress): Place {
  return { set: family(address) === 4 ? isolated4 : isolated6, key: address };
}

function portPlaceOf(name: string): Place {
  return { set: isolatedPorts, key: linkName(name) };
}

/** What is known of an attachment that goes; it spares a search. */
export interface Known {
  readonly addresses: readonly IpAddress[];
  /** Links on the host, its ports among them. */
  readonly links: readonly string[];
}

/** Ends the forwarding of an attachment, and joins the ports that its notes name; none is fine. */
export function deleteForwarding(host: Netns, owner: Owner, { addresses, links }: Known): void {
  const known = [...links.map(portPlaceOf), ...addresses.map(bridgedPlaceOf)];
  joinNoted(host, [
    ...deleteEntries(host, bridged, { owner, known }),
    ...deleteEntries(host, dispatcher, { owner, known: addresses.map(placeOf) }),
  ]);
}

function joinNoted(host: Netns, elements: readonly OwnedElement[]): void {
  joinPorts(host, portsIn(elements.flatMap(({ holder }) => holder ?? [])));
}

/** The note that an attachment's own element has at a port; undefined if there is none. */
export function noteAtPort(host: Netns, owner: Owner, port: string): string | undefined {
  const { port: found } = unlessUnsupported(
    () => ask(host, { port: [elementAt(portPlaceOf(port))] }),
    { port: [] },
  );
  const [element] = found;
  return element && ownerTexts(owner).includes(element.comment) ? element.holder : undefined;
}

/** What an attachment's forwarding lacks, in words; undefined if it is complete. */
export function findForwardingFault(host: Netns, forwarding: Forwarding): string | undefined {
  const { owner } = forwarding;
  return (
    findEntryFault(host, dispatcher, { owner, entries: entriesOf(forwarding) }) ??
    findEntryFault(host, bridged, { owner, entries: bridgedEntriesOf(forwarding) })
  );
}

/** What is isolated within bridges, and then what is forwarded: ports are joined with either. */
export function forwardingShelves(host: Netns): readonly Shelf<MarkedElement>[] {
  const afterwards = (removed: readonly OwnedElement[]) => joinNoted(host, removed);
  return [
    entryShelf(host, {
      dispatcher: bridged,
      keyInWords: ({ set, key }) =>
        set === isolatedPorts
          ? `isolated port ${linkNameIn(key)}`
          : `isolated ${formatAddress(key)}`,
      afterwards,
    }),
    entryShelf(host, {
      dispatcher,
      keyInWords: ({ key }) => `forwarding to ${formatAddress(key)}`,
      afterwards,
    }),
  ];
}

/** Every address that is forwarded, with the text of its owner. */
export function listForwarded(host: Netns): readonly Forwarded[] {
  const elements = [forward4, forward6].flatMap((map) => listOwnedElements(host, map));
  return elements.map(({ key, comment }) => ({ address: key, comment }));
}
