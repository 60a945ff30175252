/**
 * The MAC spoof check of bridge ports: a frame whose source is not the container's is dropped.
 *
 *   table bridge weft
 *     chain prerouting (filter hook)   port  ->  map spoofcheck
 *     map spoofcheck                   "veth1" "network containerID ifName"  ->  mac-0a-58-0a-01-00-02
 *     chain mac-0a-58-0a-01-00-02      from another MAC: drop
 *
 * A frame costs one lookup and an attachment one element, however many there are.
 */

import { lazily } from "../host/lazy.ts";
import { formatMac, type Mac } from "../ip/mac.ts";
import {
  goWhere,
  loadMeta,
  matchOtherSource,
  NF_DROP,
  NFT_META_IIFNAME,
  verdictOf,
} from "../netlink/nft-expression.ts";
import { NF_BR_PRE_ROUTING } from "../netlink/nft-request.ts";
import type { Netns } from "./netns.ts";
import {
  addEntries,
  checkEntries,
  collectEntries,
  type Dispatcher,
  deleteEntries,
  type Entry,
  type Place,
} from "./nft-dispatch.ts";
import { linkName, linkSet, bridgeTable as table } from "./nft-sets.ts";
import type { Owner } from "./owner.ts";
import { hasBridgeTable } from "./reference-tables.ts";

type Leftovers = typeof import("./reference-leftovers.lazy.ts");

/** Before anything else looks at a frame, linux/netfilter_bridge.h. */
const NF_BR_PRI_NAT_DST_BRIDGED = -300;

const map = /* @__PURE__ */ linkSet(table, "spoofcheck", "verdicts");

const dispatcher: Dispatcher = {
  maps: [map],
  rulesPerChain: 1,
  keepsChains: false,
  chain: {
    table,
    name: "prerouting",
    base: { type: "filter", hook: NF_BR_PRE_ROUTING, priority: NF_BR_PRI_NAT_DST_BRIDGED },
  },
  rules: () => [[loadMeta(NFT_META_IIFNAME), goWhere(map.name)]],
};

/** Drops what a port sends from other MACs; what a former owner of the port left is replaced. */
// biome-ignore lint/complexity/useMaxParams: a port and its MAC are named by everyone who calls
export function addSpoofCheck(host: Netns, owner: Owner, portName: string, mac: Mac): void {
  addEntries(host, dispatcher, { owner, entries: [entryOf(portName, mac)] });
}

/**
 * Ends the check of an attachment, also one that the reference plugins made; none is fine. The
 * name of its port spares a search.
 */
export function deleteSpoofCheck(host: Netns, owner: Owner, portName: string | undefined): void {
  const known = portName === undefined ? [] : [placeOf(portName)];
  deleteEntries(host, dispatcher, { owner, known });
  reference(host)?.deleteSpoofCheckLeftovers(host, owner);
}

function reference(host: Netns): Leftovers | undefined {
  return hasBridgeTable(host) ? lazily<Leftovers>("reference-leftovers") : undefined;
}

/** What an attachment's check lacks, in words; undefined if it, or the reference's, is complete. */
// biome-ignore lint/complexity/useMaxParams: a port and its MAC are named by everyone who calls
export function checkSpoofCheck(
  host: Netns,
  owner: Owner,
  portName: string,
  mac: Mac,
): string | undefined {
  const fault = checkEntries(host, dispatcher, { owner, entries: [entryOf(portName, mac)] });
  return fault !== undefined && reference(host)?.hasSpoofCheck(host, owner, mac)
    ? undefined
    : fault;
}

/** Ends the checks of all attachments of a network but the valid ones. */
export function collectSpoofCheck(host: Netns, network: string, valid: readonly Owner[]): void {
  collectEntries(host, dispatcher, { network, valid });
}

function placeOf(portName: string): Place {
  return { map, key: linkName(portName) };
}

function entryOf(portName: string, mac: Mac): Entry {
  return {
    ...placeOf(portName),
    what: `"${portName}"`,
    chain: { table, name: `mac-${formatMac(mac).replaceAll(":", "-")}` },
    rules: [[...matchOtherSource(mac), verdictOf(NF_DROP)]],
  };
}
