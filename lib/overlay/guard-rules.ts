/**
 * The chain and the set that say who is heard by an overlay's device: datagrams that come by the
 * uplink, from a peer's address.
 *
 *   table inet weft
 *     set weft.1-peers4                 198.51.100.2, 198.51.100.3
 *     chain overlay-weft.1 (input)      UDP, the device's port and VNI, not by the uplink: drop
 *                                       UDP, the device's port and VNI, not from the set: drop
 *
 * Another overlay may have the same port with other numbers: its datagrams are left alone. The
 * kernel puts IPv6 fragments together behind the chain, and a fragment may end before the number;
 * so of fragmented datagrams to the port all count. Each device has a chain of its own, so what
 * becomes of one concerns no other.
 */

import type { Rule } from "../filter/nft-rules.ts";
import { addressMap, inetTable as table } from "../filter/nftables/sets.ts";
import type { Family } from "../ip/address.ts";
import {
  loadSource,
  matchFamily,
  matchNotIn,
  matchOtherLink,
  NF_DROP,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  verdictOf,
} from "../netlink/nft-expression.ts";
import { matchExtension, matchTransport } from "../netlink/nft-packet.ts";
import {
  NF_INET_LOCAL_IN,
  NF_IP_PRI_FILTER,
  type NftChain,
  type NftSet,
} from "../netlink/nft-request.ts";
import type { Guarded } from "./overlay.ts";

/** The number of rules that a chain has at least: those for fragments come with IPv6 only. */
export const LEAST_RULES = 2;

const UDP = 17;
/** The extension header of fragments, linux/ipv6.h. */
const NEXTHDR_FRAGMENT = 44;

/** The chain of a device. */
export function chainOf(device: string): NftChain {
  const base = { type: "filter", hook: NF_INET_LOCAL_IN, priority: NF_IP_PRI_FILTER };
  return { table, name: `overlay-${device}`, base };
}

/** The set of those that a device hears, by their addresses of a family. */
export function setOf(device: string, family: Family): NftSet {
  const set = addressMap(table, `${device}-peers${family}`, sizeOf(family));
  return { ...set, leadsTo: "nothing" };
}

/** The rules of a device's chain, in their order. */
export function rulesOf({ device, port, vni, family, uplink }: Guarded): readonly Rule[] {
  const toPort = { offset: 2, value: Uint8Array.of(port >> 8, port) };
  const ofDevice = { offset: 12, value: Uint8Array.of(vni >> 16, vni >> 8, vni) };
  const version = matchFamily(family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
  const whole = [...version, ...matchTransport(UDP, toPort, ofDevice)];
  const fragment = [
    ...version,
    ...matchExtension(NEXTHDR_FRAGMENT),
    ...matchTransport(UDP, toPort),
  ];
  const drop = verdictOf(NF_DROP);
  return (family === 4 ? [whole] : [whole, fragment]).flatMap((matches) => [
    [...matches, ...matchOtherLink(uplink.index), drop],
    [...matches, loadSource(sizeOf(family)), matchNotIn(setOf(device, family).name), drop],
  ]);
}

/** How many bytes an address has. */
function sizeOf(family: Family): 4 | 16 {
  return family === 4 ? 4 : 16;
}
