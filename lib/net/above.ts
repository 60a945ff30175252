/** Kinds of links above another: what the kernel is told of them, and what it tells. */

import { IPVLAN_MODES, MACVLAN_MODES } from "../netlink/link-kinds.ts";
import type { Link, LinkKind } from "./link.ts";

export type MacvlanMode = keyof typeof MACVLAN_MODES;
export type IpvlanMode = keyof typeof IPVLAN_MODES;

/** A macvlan; a queue of length 0 is left to the kernel. */
export function macvlan(mode: MacvlanMode, broadcastQueueLength: number): LinkKind {
  const queue = broadcastQueueLength > 0 ? { broadcastQueueLength } : {};
  return { kind: "macvlan", data: { mode: MACVLAN_MODES[mode], ...queue } };
}

/** An ipvlan. */
export function ipvlan(mode: IpvlanMode): LinkKind {
  return { kind: "ipvlan", data: { mode: IPVLAN_MODES[mode] } };
}

/** A VLAN of 802.1Q. */
export function vlan(id: number): LinkKind {
  return { kind: "vlan", data: { id } };
}

/** What of the mode of a macvlan or ipvlan is not as it should be. */
export function modeFault({ kind, mode }: Link, wanted: string): string | undefined {
  const modes = Object.entries(kind === "macvlan" ? MACVLAN_MODES : IPVLAN_MODES);
  const [found = mode] = modes.find(([, number]) => number === mode) ?? [];
  return found === wanted ? undefined : `it should be in mode ${wanted}, found ${found}`;
}

/**
 * True for a macvlan above a macvlan, or an ipvlan above an ipvlan: these the kernel puts beside
 * each other, above the parent of the first.
 */
export function isBeside(kind: string, { kind: parent }: Pick<Link, "kind">): boolean {
  const family = /^(macv|ipv)(lan|tap)$/;
  const [, own] = family.exec(kind) ?? [];
  return own !== undefined && own === family.exec(parent)?.[1];
}
