/**
 * Keeps the entries that lead to other hosts (lib/overlay/entry.ts) equal to the peers.
 *
 * Reconciling reads what is there, compares, and sends the difference: first what is missing, which
 * takes the place of what it is to replace, then the end of what is left over. So packets always
 * find the old way or the new one.
 */

import { ENOENT, ESRCH } from "../host/errno.ts";
import { formatAddress } from "../ip/address.ts";
import type { LinkRef } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { type Request, say } from "../netlink/message.ts";
import * as neighbour from "../netlink/neighbour.ts";
import { delRoute, type NewRoute, newRoute, RTPROT_UNSPEC, RTPROT_WEFT } from "../netlink/route.ts";
import { type Entry, entriesOf, entryInWords, type RouteEntry } from "./entry.ts";
import { entryOf, type Key, keyOf, keysOf, placeOf } from "./entry-key.ts";
import { foundEntries } from "./found-entries.ts";
import type { Overlay, Tell } from "./overlay.ts";
import type { PeerList } from "./peers.ts";

/** How many requests one datagram holds. */
const BATCH = 128;

/** Sends what is missing and takes away what is too much. */
export function reconcileEntries(ns: Netns, overlay: Overlay, tell?: Tell): void {
  const found = foundEntries(ns, overlay);
  if (found.length === 0) {
    setAll(ns, overlay, tell);
    return;
  }
  const { missing, stale } = compare(overlay.peers, found);
  const taken = new Set(overlay.addsOnly ? found.map(placeOf) : []);
  const wanted = [...missing.keys()].filter((key) => !taken.has(placeOf(key)));
  sendDifference(ns, overlay, { wanted, stale: overlay.addsOnly ? [] : stale, tell });
}

/** Entries by their keys, and who is told what is done. */
export interface ToSend {
  readonly wanted: readonly Key[];
  readonly stale: readonly Key[];
  readonly tell: Tell;
}

/** Sets what is wanted, and then takes away what is stale, unless something wanted took its place. */
export function sendDifference(ns: Netns, overlay: Overlay, { wanted, stale, tell }: ToSend): void {
  const set = (key: Key) => setRequest(overlay, entryOf(key));
  const remove = (key: Key) => deleteRequest(overlay, entryOf(key));
  const taken = new Set<string>();
  for (const key of wanted) taken.add(placeOf(key));
  const left = stale.filter((key) => !taken.has(placeOf(key)));
  eachBatch(wanted, (keys) => {
    send(ns, keys.map(set), tell);
    overlay.sent?.({ set: keys, removed: [] });
  });
  eachBatch(left, (keys) => {
    send(ns, keys.map(remove), tell);
    overlay.sent?.({ set: [], removed: keys });
  });
}

/** What differs from what is wanted, each with the host it concerns. */
export function findEntryFaults(ns: Netns, overlay: Overlay): readonly string[] {
  const { missing, stale } = compare(overlay.peers, foundEntries(ns, overlay));
  const nameOf = (peer: number) => formatAddress(overlay.peers.get(peer).publicIP);
  const inWords = (key: Key) => entryInWords(entryOf(key));
  return [
    ...Array.from(missing, ([key, peer]) => `peer ${nameOf(peer)}: there is no ${inWords(key)}`),
    ...stale.map((key) => `no peer has ${inWords(key)}`),
  ];
}

/* ---- comparing ---- */

/** What is wanted and not there, with the number of its peer; and what is there and not wanted. */
interface Difference {
  readonly missing: ReadonlyMap<Key, number>;
  readonly stale: readonly Key[];
}

function compare(peers: PeerList, found: readonly Key[]): Difference {
  const missing = wantedEntries(peers);
  const stale = found.filter((key) => !missing.delete(key));
  return { missing, stale };
}

/** Every entry that should be there, with the number of its peer. */
function wantedEntries(peers: PeerList): Map<Key, number> {
  const wanted = new Map<Key, number>();
  peers.forEachPacked((peer, number) => {
    for (const key of keysOf(peer)) wanted.set(key, number);
  });
  return wanted;
}

/* ---- sending ---- */

/** With nothing to compare with, thousands of entries take half the time. */
function setAll(ns: Netns, overlay: Overlay, tell: Tell): void {
  let entries: Entry[] = [];
  const sendThem = () => {
    send(
      ns,
      entries.map((entry) => setRequest(overlay, entry)),
      tell,
    );
    // Of the others the kernel says by itself who has set them.
    const set = overlay.sent ? entries.filter(({ kind }) => kind === "fdb").map(keyOf) : [];
    overlay.sent?.({ set, removed: [] });
    entries = [];
  };
  overlay.peers.forEach((peer) => {
    for (const entry of entriesOf(peer)) entries.push(entry);
    if (entries.length >= BATCH) sendThem();
  });
  if (entries.length > 0) sendThem();
}

/** Requests are made batch by batch: they take a hundred times the memory of what they are of. */
function eachBatch(keys: readonly Key[], each: (keys: readonly Key[]) => void): void {
  for (let at = 0; at < keys.length; at += BATCH) each(keys.slice(at, at + BATCH));
}

function send(ns: Netns, requests: readonly Request[], tell: Tell): void {
  ns.route.perform(...requests);
  if (tell) for (const { what } of requests) tell(say(what));
}

function setRequest(overlay: Overlay, entry: Entry): Request {
  const link = linkOf(overlay, entry);
  if (entry.kind === "route") return newRoute(link, routeOf(entry), "replace");
  if (entry.kind === "neighbour") return neighbour.setNeighbour(link, entry);
  return neighbour.setFdbEntry(link, entry);
}

/** What is gone already is fine. */
function deleteRequest(overlay: Overlay, entry: Entry): Request {
  return { ...deletionOf(linkOf(overlay, entry), entry), tolerates: [ENOENT, ESRCH] };
}

/** A route by the device goes whoever made it; one by the uplink only if we did. */
function deletionOf(link: LinkRef, entry: Entry): Request {
  if (entry.kind === "route") {
    if (entry.isDirect) return delRoute(link, routeOf(entry));
    return delRoute(link, { ...routeOf(entry), protocol: RTPROT_UNSPEC });
  }
  if (entry.kind === "neighbour") return neighbour.delNeighbour(link, entry);
  return neighbour.delFdbEntry(link, entry);
}

/** The link that has an entry; throws Error if it has to be a device, and there is none. */
function linkOf({ device, uplink }: Overlay, entry: Entry): LinkRef {
  if (entry.kind === "route" && entry.isDirect) return uplink;
  if (device) return device;
  throw new Error(`no device for ${entryInWords(entry)}`);
}

function routeOf({ destination, gateway, isDirect }: RouteEntry): NewRoute {
  return { destination, gateway, isOnLink: !isDirect, protocol: RTPROT_WEFT };
}
