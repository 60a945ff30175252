/**
 * The MAC spoof check of bridge ports: a frame whose source is not the container's is dropped.
 *
 *   table bridge weft
 *     chain prerouting (filter hook)   port  ->  map spoofcheck
 *     map spoofcheck                   "veth1" "network containerID ifName"  ->  mac-0a-58-0a-01-00-02
 *     chain mac-0a-58-0a-01-00-02      from another MAC: drop
 *     chain strict-0a-58-0a-01-00-02   the same; what tells this MAC passes, the rest goes to `strict`
 *     chain strict                     ARP and neighbour discovery that tell a MAC: drop
 *
 * A frame costs one lookup and an attachment one element, however many there are.
 */

import { formatMac, type Mac } from "../../ip/mac.ts";
import type { Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import type { Owner } from "../../net/owner.ts";
import {
  goWhere,
  loadMeta,
  matchOtherSource,
  NF_DROP,
  NFT_META_IIFNAME,
  verdictOf,
} from "../../netlink/nft-expression.ts";
import { NF_BR_PRE_ROUTING, NF_BR_PRI_NAT_DST_BRIDGED } from "../../netlink/nft-request.ts";
import { addEntries } from "./add-entries.ts";
import { findEntryFault } from "./check-entries.ts";
import { deleteEntries } from "./delete-entries.ts";
import { type Dispatcher, type Entry, leavesWith } from "./dispatcher.ts";
import type { Place } from "./elements.ts";
import { entryShelf, type MarkedElement } from "./entry-shelf.ts";
import { linkName, linkNameIn, linkSet, bridgeTable as table } from "./sets.ts";
import { portRules, sharedRules } from "./strict-frames.ts";

/** The source of a frame, or also what ARP and neighbour discovery tell. */
export type SpoofCheck = "source" | "strict";

/** The host's end of a pair, and what its container may send. */
export interface CheckedPort {
  readonly name: string;
  readonly mac: Mac;
  readonly check: SpoofCheck;
}

/** What the names of chains begin with that check more than the source, and what these share. */
const STRICT = "strict-";
const strictChain = { table, name: "strict" };
const noMac = /* @__PURE__ */ new Uint8Array(6);

const map = /* @__PURE__ */ linkSet(table, "spoofcheck", "verdicts");

const base = { type: "filter", hook: NF_BR_PRE_ROUTING, priority: NF_BR_PRI_NAT_DST_BRIDGED };
const prerouting = {
  chain: { table, name: "prerouting", base },
  rules: [[loadMeta(NFT_META_IIFNAME), goWhere(map.name)]],
};

const dispatcher: Dispatcher = {
  table,
  maps: [map],
  chains: () => [prerouting],
  leaves: {
    ...leavesWith(1),
    rulesIn: (chain) => (chain.startsWith(STRICT) ? portRules(noMac, strictChain.name).length : 1),
  },
};

/** The same with the chain that all strict ones share: made with the first, it stays. */
const strictDispatcher: Dispatcher = {
  ...dispatcher,
  chains: () => [prerouting, { chain: strictChain, rules: sharedRules() }],
};

function dispatcherFor({ check }: CheckedPort): Dispatcher {
  return check === "strict" ? strictDispatcher : dispatcher;
}

/** Drops what a port sends from other MACs; what a former owner of the port left is replaced. */
export function addSpoofCheck(host: Netns, owner: Owner, port: CheckedPort): void {
  addEntries(host, dispatcherFor(port), { owner, entries: [entryOf(port)] });
}

/** Ends the check of an attachment; none is fine. The name of its port spares a search. */
export function deleteSpoofCheck(host: Netns, owner: Owner, portName: string | undefined): void {
  const known = portName === undefined ? [] : [placeOf(portName)];
  deleteEntries(host, dispatcher, { owner, known });
}

/** What an attachment's check lacks, in words; undefined if it is complete. */
export function findSpoofCheckFault(
  host: Netns,
  owner: Owner,
  port: CheckedPort,
): string | undefined {
  return findEntryFault(host, dispatcherFor(port), { owner, entries: [entryOf(port)] });
}

/** The ports that are checked. */
export function spoofCheckShelf(host: Netns): Shelf<MarkedElement> {
  return entryShelf(host, {
    dispatcher,
    keyInWords: ({ key }) => `MAC spoof check of ${linkNameIn(key)}`,
  });
}

function placeOf(portName: string): Place {
  return { set: map, key: linkName(portName) };
}

function entryOf({ name, mac, check }: CheckedPort): Entry {
  const isStrict = check === "strict";
  const digits = formatMac(mac).replaceAll(":", "-");
  return {
    ...placeOf(name),
    what: `"${name}"`,
    chain: {
      chain: { table, name: `${isStrict ? STRICT : "mac-"}${digits}` },
      rules: isStrict
        ? portRules(mac, strictChain.name)
        : [[...matchOtherSource(mac), verdictOf(NF_DROP)]],
    },
  };
}
