/**
 * Masquerade by nf_tables: what containers send to the world leaves under the host's address.
 *
 *   table inet weft
 *     chain postrouting (nat hook)      source address  ->  map masquerade4 or masquerade6
 *     map masquerade4                   10.1.2.3 "network containerID ifName"  ->  masq-10.1.2.0/24
 *     chain masq-10.1.2.0/24            to the subnet or to a group: leave it alone; else masquerade
 *
 * A packet costs one lookup and an attachment one element, however many there are.
 */

import { family, formatAddress, type IpAddress } from "../../ip/address.ts";
import { type Cidr, firstAddress, formatCidr, networkOf } from "../../ip/cidr.ts";
import type { Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import type { Owner } from "../../net/owner.ts";
import {
  goWhere,
  loadSource,
  masquerade,
  matchDestination,
  matchFamily,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFT_RETURN,
  verdictOf,
} from "../../netlink/nft-expression.ts";
import { NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC } from "../../netlink/nft-request.ts";
import type { Rule } from "../nft-rules.ts";
import { addEntries } from "./add-entries.ts";
import { findEntryFault } from "./check-entries.ts";
import { deleteEntries } from "./delete-entries.ts";
import { type Dispatcher, type Entry, leavesWith } from "./dispatcher.ts";
import type { Place } from "./elements.ts";
import { entryShelf, type MarkedElement } from "./entry-shelf.ts";
import { addressMap, inetTable as table } from "./sets.ts";

const mapOfIpv4 = /* @__PURE__ */ addressMap(table, "masquerade4", 4);
const mapOfIpv6 = /* @__PURE__ */ addressMap(table, "masquerade6", 16);

/** The maps of both families: their keys are the addresses that are masqueraded. */
export const masqueradeMaps = [mapOfIpv4, mapOfIpv6];

const base = { type: "nat", hook: NF_INET_POST_ROUTING, priority: NF_IP_PRI_NAT_SRC };

const postrouting = /* @__PURE__ */ (() => [
  {
    chain: { table, name: "postrouting", base },
    rules: [
      [...matchFamily(NFPROTO_IPV4), loadSource(4), goWhere(mapOfIpv4.name)],
      [...matchFamily(NFPROTO_IPV6), loadSource(16), goWhere(mapOfIpv6.name)],
    ],
  },
])();

const dispatcher: Dispatcher = {
  table,
  maps: masqueradeMaps,
  chains: () => postrouting,
  leaves: { ...leavesWith(3), areKept: true },
};

/**
 * Masquerades what comes from these addresses and leaves their subnets. An address that a former
 * owner left behind changes hands.
 */
export function addMasquerade(host: Netns, owner: Owner, addresses: readonly Cidr[]): void {
  addEntries(host, dispatcher, { owner, entries: addresses.map(entryOf) });
}

/**
 * Ends the masquerade of an attachment; none is fine. The addresses known to be its own spare a
 * search, but what another owner has at them by now is not touched.
 */
export function deleteMasquerade(host: Netns, owner: Owner, known: readonly IpAddress[]): void {
  deleteEntries(host, dispatcher, { owner, known: known.map(placeOf) });
}

/** What an attachment's masquerade lacks, in words; undefined if it is complete. */
export function findMasqueradeFault(
  host: Netns,
  owner: Owner,
  addresses: readonly Cidr[],
): string | undefined {
  return findEntryFault(host, dispatcher, { owner, entries: addresses.map(entryOf) });
}

/** The addresses that are masqueraded, each as what it is for. */
export function masqueradeShelf(host: Netns): Shelf<MarkedElement> {
  return entryShelf(host, {
    dispatcher,
    keyInWords: ({ key }) => `masquerade of ${formatAddress(key)}`,
  });
}

function placeOf(address: IpAddress): Place {
  return { set: family(address) === 4 ? mapOfIpv4 : mapOfIpv6, key: address };
}

/** `nft` reads letters, digits, `-`, `_`, `.` and `/` in names, but no colons. */
function entryOf(cidr: Cidr): Entry {
  return {
    ...placeOf(cidr.address),
    what: formatCidr(cidr),
    chain: {
      chain: { table, name: `masq-${formatCidr(networkOf(cidr)).replaceAll(":", "_")}` },
      rules: subnetRules(cidr),
    },
  };
}

function subnetRules(subnet: Cidr): readonly Rule[] {
  const { length } = subnet.address;
  const groups = new Uint8Array(length).fill(length === 4 ? 224 : 255, 0, 1);
  return [
    leaveAlone(subnet),
    leaveAlone({ address: groups, prefixLength: length === 4 ? 4 : 8 }),
    [masquerade],
  ];
}

function leaveAlone(destination: Cidr): Rule {
  const protocol = family(destination.address) === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
  return [
    ...matchFamily(protocol),
    ...matchDestination(firstAddress(destination), destination.prefixLength),
    verdictOf(NFT_RETURN),
  ];
}
