/**
 * Which frames a bridge itself forwards to a container that is isolated: none.
 *
 *   table bridge weft
 *     chain forward (filter hook)   port  ->  map isolated-ports; destination  ->  isolated4, 6
 *     map isolated-ports            "veth1" "network containerID ifName"  ->  isolated
 *     chain isolated                drop
 *
 * Addresses are looked up only for containers of which no port is known. The port has a flag that
 * does the same (forward-ports.ts): the notes of these elements say where it is to be cleared.
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
  NF_DROP,
  NFT_META_OIFNAME,
  verdictOf,
} from "../../netlink/nft-expression.ts";
import { matchProtocol } from "../../netlink/nft-packet.ts";
import { NF_BR_FORWARD, NF_BR_PRI_FILTER_BRIDGED } from "../../netlink/nft-request.ts";
import { joinPorts, portsIn } from "../forward-ports.ts";
import type { Forwarding } from "../ingress.ts";
import { ask, unlessUnsupported } from "../nft-transaction.ts";
import { addEntries } from "./add-entries.ts";
import { findEntryFault } from "./check-entries.ts";
import { deleteEntries } from "./delete-entries.ts";
import { type Dispatcher, type Entry, leavesWith } from "./dispatcher.ts";
import { elementAt, type OwnedElement, type Place } from "./elements.ts";
import { entryShelf, type MarkedElement } from "./entry-shelf.ts";
import { addressMap, linkName, linkNameIn, linkSet, bridgeTable as table } from "./sets.ts";

const isolatedPorts = /* @__PURE__ */ linkSet(table, "isolated-ports", "verdicts");
const isolated4 = /* @__PURE__ */ addressMap(table, "isolated4", 4);
const isolated6 = /* @__PURE__ */ addressMap(table, "isolated6", 16);

const base = { type: "filter", hook: NF_BR_FORWARD, priority: NF_BR_PRI_FILTER_BRIDGED };

const dispatcher: Dispatcher = {
  table,
  maps: [isolatedPorts, isolated4, isolated6],
  chains: () => [
    {
      chain: { table, name: "forward", base },
      rules: [
        [loadMeta(NFT_META_OIFNAME), goWhere(isolatedPorts.name)],
        [...matchProtocol(ETH_P_IP), loadDestination(4), goWhere(isolated4.name)],
        [...matchProtocol(ETH_P_IPV6), loadDestination(16), goWhere(isolated6.name)],
      ],
    },
  ],
  leaves: leavesWith(1),
};

/** Keeps frames of its bridge from an attachment, if its policy says so. */
export function addIsolation(host: Netns, forwarding: Forwarding): void {
  const { owner, note: holder } = forwarding;
  addEntries(host, dispatcher, { owner, holder, entries: entriesOf(forwarding) });
}

/** By port wherever one is known. */
function entriesOf({ addresses, ingress }: Forwarding): readonly Entry[] {
  if (ingress.policy !== "isolated") return [];
  const { ports } = ingress;
  const places = [
    ...ports.map(({ name }) => ({ ...portPlace(name), what: `port "${name}"` })),
    ...(ports.length > 0 ? [] : addresses).map((address) => ({
      ...addressPlace(address),
      what: formatAddress(address),
    })),
  ];
  const chain = { chain: { table, name: "isolated" }, rules: [[verdictOf(NF_DROP)]] };
  return places.map((place) => ({ ...place, chain }));
}

function portPlace(name: string): Place {
  return { set: isolatedPorts, key: linkName(name) };
}

function addressPlace(address: IpAddress): Place {
  return { set: family(address) === 4 ? isolated4 : isolated6, key: address };
}

/** The note that an attachment's own element has at a port; undefined if there is none. */
export function noteAtPort(host: Netns, owner: Owner, port: string): string | undefined {
  const question = { port: [elementAt(portPlace(port))] };
  const [element] = unlessUnsupported(() => ask(host, question).port, []);
  return element && ownerTexts(owner).includes(element.comment) ? element.holder : undefined;
}

/** What is known of an attachment that goes; it spares a search. */
export interface Known {
  readonly addresses: readonly IpAddress[];
  /** Links on the host, its ports among them. */
  readonly links: readonly string[];
}

/** Ends the isolation of an attachment, and returns what it had; none is fine. */
export function deleteIsolation(
  host: Netns,
  owner: Owner,
  { addresses, links }: Known,
): readonly OwnedElement[] {
  const known = [...links.map(portPlace), ...addresses.map(addressPlace)];
  return deleteEntries(host, dispatcher, { owner, known });
}

/** Joins the ports again that the notes of deleted elements name. */
export function joinNoted(host: Netns, deleted: readonly OwnedElement[]): void {
  joinPorts(host, portsIn(deleted.flatMap(({ holder }) => holder ?? [])));
}

/** What an attachment's isolation lacks, in words; undefined if it is complete. */
export function findIsolationFault(host: Netns, forwarding: Forwarding): string | undefined {
  const { owner } = forwarding;
  return findEntryFault(host, dispatcher, { owner, entries: entriesOf(forwarding) });
}

/** The ports and addresses that are isolated; ports are joined again with their elements. */
export function isolationShelf(host: Netns): Shelf<MarkedElement> {
  return entryShelf(host, {
    dispatcher,
    keyInWords: ({ set, key }) =>
      `isolation of ${set === isolatedPorts ? linkNameIn(key) : formatAddress(key)}`,
    afterwards: (removed) => joinNoted(host, removed),
  });
}
