/**
 * Who is heard by an overlay's device: datagrams that come by the uplink, from a peer's address.
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

import type { Reader } from "../bytes/codec.ts";
import { pack, unpack } from "../bytes/packed.ts";
import { hasRules, type Rule } from "../filter/nft-rules.ts";
import {
  changeTables,
  findGeneration,
  isThere,
  unlessUnsupported,
} from "../filter/nft-transaction.ts";
import { addressMap, inetTable as table } from "../filter/nftables/sets.ts";
import { ENOENT } from "../host/errno.ts";
import { lazily } from "../host/lazy.ts";
import { formatAddress } from "../ip/address.ts";
import type { LinkRef } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { decodeReply, type Outcome } from "../netlink/connection.ts";
import { isRefusal } from "../netlink/error.ts";
import type { Request } from "../netlink/message.ts";
import {
  loadSource,
  matchExtension,
  matchFamily,
  matchNotIn,
  matchOtherLink,
  matchTransport,
  NF_DROP,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  verdictOf,
} from "../netlink/nft-expression.ts";
import {
  delChain,
  delElements,
  delRule,
  delSet,
  ensureElements,
  getChain,
  getSet,
  listElements,
  NF_INET_LOCAL_IN,
  type NftChain,
  type NftSet,
  newChain,
  newRule,
  newSet,
  newTable,
} from "../netlink/nft-request.ts";
import { chainMessage, eachKey } from "../netlink/nftables.ts";
import type { Tell } from "./entries.ts";
import type { PeerList } from "./peers.ts";

type ByIptables = typeof import("./overlay-guard-iptables.lazy.ts");

const iptables = () => lazily<ByIptables>("overlay-guard-iptables");

/** A device, by what its datagrams bear, and who may send them. */
export interface Guarded {
  readonly device: string;
  readonly port: number;
  readonly vni: number;
  /** Of this host's address, and so of all others'. */
  readonly family: 4 | 16;
  readonly uplink: LinkRef;
  readonly peers: PeerList;
}

const UDP = 17;
/** The extension header of fragments, linux/ipv6.h. */
const NEXTHDR_FRAGMENT = 44;
const NF_IP_PRI_FILTER = 0;

/** How many addresses one transaction adds: it has to fit one datagram. */
const CHUNK = 2000;
/** How many of them fit one request. */
const PIECE = 500;

function chainOf(device: string): NftChain {
  const base = { type: "filter", hook: NF_INET_LOCAL_IN, priority: NF_IP_PRI_FILTER };
  return { table, name: `overlay-${device}`, base };
}

function setOf(device: string, family: 4 | 16): NftSet {
  const name = `${device}-peers${family === 4 ? 4 : 6}`;
  return { ...addressMap(table, name, family), leadsTo: "nothing" };
}

function rulesOf({ device, port, vni, family, uplink }: Guarded): readonly Rule[] {
  const toPort = { offset: 2, value: Uint8Array.of(port >> 8, port) };
  const ofDevice = { offset: 12, value: Uint8Array.of(vni >> 16, vni >> 8, vni) };
  const isV4 = family === 4;
  const version = matchFamily(isV4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
  const whole = [...version, ...matchTransport(UDP, toPort, ofDevice)];
  const fragment = [
    ...version,
    ...matchExtension(NEXTHDR_FRAGMENT),
    ...matchTransport(UDP, toPort),
  ];
  const drop = verdictOf(NF_DROP);
  return [whole, ...(isV4 ? [] : [fragment])].flatMap((matches) => [
    [...matches, ...matchOtherLink(uplink.index), drop],
    [...matches, loadSource(family), matchNotIn(setOf(device, family).name), drop],
  ]);
}

/** The number of rules that a chain has: they differ by family. */
const LEAST_RULES = 2;

/** Addresses as short texts: there may be thousands. */
type Packed = readonly string[];

/**
 * Lets in all peers and nobody but them and who was let in before: those are returned, to be shut
 * out once nothing leads to them. Throws IptablesError where there are neither nf_tables nor
 * iptables.
 */
export function ensureGuard(ns: Netns, guarded: Guarded, tell: Tell): Packed {
  const found = foundIn(ns, setOf(guarded.device, guarded.family));
  if (!found) {
    iptables().ensureGuard(ns, guarded, tell);
    return [];
  }
  const { missing, stale } = compare(guarded, found);
  letIn(ns, guarded, { addresses: missing, tell });
  if (ensureRules(ns, guarded)) tell?.(`guard "${guarded.device}"`);
  return stale;
}

function compare({ peers }: Guarded, found: Packed) {
  const missing = new Set<string>();
  peers.forEach(({ publicIP }) => {
    missing.add(pack(publicIP));
  });
  const known = new Set(missing);
  const stale = found.filter((address) => !known.has(address));
  for (const address of found) missing.delete(address);
  return { missing: Array.from(missing), stale };
}

/** Whom to let in or to shut out. */
interface Admission {
  readonly addresses: Packed;
  readonly tell: Tell;
}

/** A set that is new gets rules only when all of its elements are there. */
function letIn(ns: Netns, { device, family }: Guarded, { addresses, tell }: Admission): void {
  const set = setOf(device, family);
  eachChunk(addresses, (added) => {
    const add = (piece: Packed) =>
      ensureElements(
        set,
        piece.map((address) => ({ key: { value: unpack(address) } })),
      );
    const requests = [newTable(table), newSet(set), ...pieces(added, add)];
    changeTables(ns, { questions: [], plan: () => requests });
  });
  if (tell) for (const address of addresses) tell(`let in ${inWords(address)}`);
}

/** Shuts out who is no peer any more. */
export function shutOut(
  ns: Netns,
  { device, family }: Guarded,
  { addresses, tell }: Admission,
): void {
  const set = setOf(device, family);
  eachChunk(addresses, (gone) => {
    const requests = pieces(gone, (piece) => delElements(set, piece.map(unpack)));
    changeTables(ns, { questions: [], plan: () => requests });
  });
  if (tell) for (const address of addresses) tell(`shut out ${inWords(address)}`);
}

const inWords = (address: string) => formatAddress(unpack(address));

function eachChunk(all: Packed, each: (chunk: Packed) => void): void {
  for (let at = 0; at < all.length; at += CHUNK) each(all.slice(at, at + CHUNK));
}

/** Makes the chain as it is to be; true if it was not. */
function ensureRules(ns: Netns, guarded: Guarded): boolean {
  const { device, family } = guarded;
  const [set, other] = [setOf(device, family), setOf(device, family === 4 ? 16 : 4)];
  const [chain, rules] = [chainOf(device), rulesOf(guarded)];
  let isChanged = false;
  changeTables(ns, {
    questions: [getChain(chain), getSet(other)],
    plan: ([, otherSet]) => {
      isChanged = !hasRules(ns, chain, rules);
      if (!isChanged) return [];
      return [
        newTable(table),
        newSet(set),
        newChain(chain),
        delRule(chain),
        ...rules.map((rule) => newRule(chain, rule)),
        ...(isThere(otherSet) ? [delSet(other)] : []),
      ];
    },
  });
  return isChanged;
}

function pieces(all: Packed, each: (piece: Packed) => Request): readonly Request[] {
  const count = Math.ceil(all.length / PIECE);
  return Array.from({ length: count }, (_, i) => each(all.slice(i * PIECE, (i + 1) * PIECE)));
}

/** Whom a set lets in; undefined where there is no nf_tables. */
function foundIn(ns: Netns, set: NftSet): Packed | undefined {
  if (findGeneration(ns) === undefined) return undefined;
  const found: string[] = [];
  const read = (input: Reader) => eachKey(input, (key) => found.push(pack(key)));
  try {
    ns.netfilter.dump(listElements(set), { read });
  } catch (cause) {
    if (!isRefusal(cause, ENOENT)) throw cause;
  }
  return found;
}

/** True if a device has its guard, as far as one question tells; iptables are not asked. */
export function isGuarded(ns: Netns, device: string): boolean {
  return unlessUnsupported(() => {
    const [answer] = ns.netfilter.attempt(getChain(chainOf(device)));
    if (answer?.error && !isRefusal(answer.error, ENOENT)) throw answer.error;
    return useOf(answer) >= LEAST_RULES;
  }, true);
}

function useOf(answer: Outcome | undefined): number {
  if (!isThere(answer)) return 0;
  return decodeReply(answer, chainMessage).attributes?.use ?? 0;
}

/** What a device's guard lacks, each in words. */
export function findGuardFaults(ns: Netns, guarded: Guarded): readonly string[] {
  const { device, family } = guarded;
  const found = foundIn(ns, setOf(device, family));
  if (!found) return iptables().findGuardFaults(ns, guarded);
  const chain = chainOf(device);
  const { missing, stale } = compare(guarded, found);
  return [
    ...(hasRules(ns, chain, rulesOf(guarded))
      ? []
      : [`anybody may send to "${device}": chain "${chain.name}" does not have its rules`]),
    ...missing.map((address) => `peer ${inWords(address)} is not let in`),
    ...stale.map((address) => `${inWords(address)} is let in and no peer`),
  ];
}

/** Ends the guard of a device that is gone; none is fine. */
export function deleteGuard(ns: Netns, device: string): void {
  const chain = chainOf(device);
  const sets = [setOf(device, 4), setOf(device, 16)];
  const isDone = changeTables(ns, {
    questions: [getChain(chain), ...sets.map(getSet)],
    plan: ([found, ...others]) => [
      ...(isThere(found) ? [delRule(chain), delChain(chain)] : []),
      ...sets.filter((_, i) => isThere(others[i])).map(delSet),
    ],
  });
  if (!isDone) iptables().deleteGuard(ns, device);
}
