/** What the packet filter of this host does to packets of containers, whoever made its rules. */

import { findBridgedFault } from "../filter/bridged-packets.ts";
import { type Dropper, findDroppers, hasBothIptables } from "../filter/forward-drops.ts";
import { findGuardFault } from "../filter/loopback.ts";
import { findGeneration } from "../filter/nft-transaction.ts";
import type { Link } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";

export type { Dropper };

/** Those who drop forwarded packets unless a rule accepts them. */
export function droppersOn(host: Netns): readonly Dropper[] {
  return findDroppers(host);
}

/** What keeps all rules from what bridges forward themselves, in words; undefined if nothing does. */
export function bridgedFault(host: Netns): string | undefined {
  return findBridgedFault(host);
}

/** True if both kinds of iptables are in use, which do not see each other's rules. */
export function usesBothIptables(host: Netns): boolean {
  return hasBothIptables(host);
}

/** True if the kernel has nf_tables. */
export function hasNftables(host: Netns): boolean {
  return findGeneration(host) !== undefined;
}

/** What of the loopback lies open by a link, in words; undefined if nothing does. */
export function loopbackFault(host: Netns, link: Link): string | undefined {
  return findGuardFault(host, link);
}
