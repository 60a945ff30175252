/**
 * Changes of single hosts, sent without a look at what is there: the entries of those hosts only,
 * and whom the guard lets in. Who changes must share nothing with a host that stays.
 *
 *   let in ──▶ set what is new ──▶ take away what nobody needs ──▶ shut out
 */

import { pack } from "../bytes/packed.ts";
import { findGeneration } from "../filter/nft-transaction.ts";
import type { Netns } from "../net/netns.ts";
import { sendDifference } from "./entries.ts";
import { entriesOf } from "./entry.ts";
import { type Key, keyOf } from "./entry-key.ts";
import { letIn, shutOut } from "./guard.ts";
import type { Guarded, Overlay } from "./overlay.ts";
import type { Peer } from "./peers.ts";

/** A host as it was and as it is; undefined if it was or is not there. */
export interface PeerChange {
  readonly before: Peer | undefined;
  readonly after: Peer | undefined;
}

/** What the changes of one device are sent to. */
export interface Changing {
  readonly overlay: Overlay;
  readonly guarded: Guarded;
  readonly changes: readonly PeerChange[];
}

/** True if single addresses can be let in: not where iptables stand in for nf_tables. */
export function canChangeGuard(ns: Netns): boolean {
  return findGeneration(ns) !== undefined;
}

/** True if the guard is to let in or to shut out anybody. */
export function changesAddress(changes: readonly (readonly PeerChange[])[]): boolean {
  return changes.some((all) => {
    const [before, after] = [addressesOf(all, "before"), addressesOf(all, "after")];
    return before.size !== after.size || difference(after, before).length > 0;
  });
}

/** Sends the changes of one device, all entries in one datagram as far as they fit. */
export function changePeers(ns: Netns, { overlay, guarded, changes }: Changing): EntryKeys {
  const [hosts, formerHosts] = [addressesOf(changes, "after"), addressesOf(changes, "before")];
  const [keys, formerKeys] = [keysOf(changes, "after"), keysOf(changes, "before")];
  const [addresses, gone] = [difference(hosts, formerHosts), difference(formerHosts, hosts)];
  const [wanted, stale] = [difference(keys, formerKeys), difference(formerKeys, keys)];
  letIn(ns, guarded, { addresses, tell: undefined });
  sendDifference(ns, overlay, { wanted, stale, tell: undefined });
  shutOut(ns, guarded, { addresses: gone, tell: undefined });
  return { wanted, stale };
}

/** What was sent, by the keys of entries. */
export interface EntryKeys {
  readonly wanted: readonly Key[];
  readonly stale: readonly Key[];
}

function addressesOf(changes: readonly PeerChange[], side: keyof PeerChange): Set<string> {
  const addresses = new Set<string>();
  for (const change of changes) {
    const peer = change[side];
    if (peer) addresses.add(pack(peer.publicIP));
  }
  return addresses;
}

function keysOf(changes: readonly PeerChange[], side: keyof PeerChange): Set<Key> {
  const keys = new Set<Key>();
  for (const change of changes) {
    const peer = change[side];
    if (peer) for (const entry of entriesOf(peer)) keys.add(keyOf(entry));
  }
  return keys;
}

function difference(all: ReadonlySet<string>, others: ReadonlySet<string>): readonly string[] {
  return [...all].filter((each) => !others.has(each));
}
