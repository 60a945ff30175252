/**
 * Which forwarded packets reach a container, by nf_tables.
 *
 *   table inet weft
 *     chain forward (filter hook)       destination  ->  map forward4 or forward6
 *     map forward4                      10.1.2.3 "network containerID ifName"  ->  to-br0-isolated
 *     chain to-br0-isolated             from br0, or a bridge of the sets: drop; else accept
 *     sets isolated, same-bridge        br0, as long as its chain exists
 *     chain forward, to other addresses from a bridge of a set to one, if one is isolated: drop
 *
 * What the bridge itself forwards never gets here: isolation.ts cuts that. A packet costs a few
 * lookups, and an attachment one element for an address, however many there are.
 */

import { family, formatAddress, type IpAddress } from "../../ip/address.ts";
import type { Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import type { Owner } from "../../net/owner.ts";
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
import { NF_INET_FORWARD, NF_IP_PRI_FILTER, type NftSet } from "../../netlink/nft-request.ts";
import type { Forwarded, Forwarding, Ingress } from "../ingress.ts";
import type { Rule } from "../nft-rules.ts";
import { addEntries } from "./add-entries.ts";
import type { ChainWithRules } from "./chains.ts";
import { findEntryFault } from "./check-entries.ts";
import { deleteEntries } from "./delete-entries.ts";
import type { Dispatcher, Entry } from "./dispatcher.ts";
import { listOwnedElements, type Place } from "./elements.ts";
import { entryShelf, type MarkedElement } from "./entry-shelf.ts";
import {
  addIsolation,
  deleteIsolation,
  findIsolationFault,
  isolationShelf,
  joinNoted,
  type Known,
} from "./isolation.ts";
import { addressMap, linkName, linkSet, inetTable as table } from "./sets.ts";

const forward4 = /* @__PURE__ */ addressMap(table, "forward4", 4);
const forward6 = /* @__PURE__ */ addressMap(table, "forward6", 16);
const isolated = /* @__PURE__ */ linkSet(table, "isolated", "nothing");
const sameBridge = /* @__PURE__ */ linkSet(table, "same-bridge", "nothing");

/** The chain of containers that everybody reaches, and how many rules any other one has. */
const OPEN = "to-any";
const RULES = 4;

const base = { type: "filter", hook: NF_INET_FORWARD, priority: NF_IP_PRI_FILTER };

const dispatcher: Dispatcher = {
  table,
  maps: [forward4, forward6],
  chains: () => [
    {
      chain: { table, name: "forward", base },
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
  addIsolation(host, forwarding);
}

function entriesOf({ addresses, ingress }: Forwarding): readonly Entry[] {
  const chain = chainFor(ingress);
  return addresses.map((address) => ({
    ...placeOf(address),
    what: formatAddress(address),
    chain,
  }));
}

function placeOf(address: IpAddress): Place {
  return { set: family(address) === 4 ? forward4 : forward6, key: address };
}

function chainFor(ingress: Ingress): ChainWithRules {
  const name = ingress.policy === "open" ? OPEN : `to-${ingress.bridge}-${ingress.policy}`;
  return { chain: { table, name }, rules: rulesFor(ingress) };
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

/** Ends the forwarding of an attachment, and joins the ports that its notes name; none is fine. */
export function deleteForwarding(host: Netns, owner: Owner, known: Known): void {
  const places = known.addresses.map(placeOf);
  joinNoted(host, [
    ...deleteIsolation(host, owner, known),
    ...deleteEntries(host, dispatcher, { owner, known: places }),
  ]);
}

/** What an attachment's forwarding lacks, in words; undefined if it is complete. */
export function findForwardingFault(host: Netns, forwarding: Forwarding): string | undefined {
  const { owner } = forwarding;
  return (
    findEntryFault(host, dispatcher, { owner, entries: entriesOf(forwarding) }) ??
    findIsolationFault(host, forwarding)
  );
}

/** What is isolated within bridges, and what is forwarded: ports are joined again with either. */
export function forwardingShelves(host: Netns): readonly Shelf<MarkedElement>[] {
  const shelf = entryShelf(host, {
    dispatcher,
    keyInWords: ({ key }) => `forwarding to ${formatAddress(key)}`,
    afterwards: (removed) => joinNoted(host, removed),
  });
  return [isolationShelf(host), shelf];
}

/** Every address that is forwarded, with the text of its owner. */
export function listForwarded(host: Netns): readonly Forwarded[] {
  const elements = [forward4, forward6].flatMap((map) => listOwnedElements(host, map));
  return elements.map(({ key, comment }) => ({ address: key, comment }));
}
