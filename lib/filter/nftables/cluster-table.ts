/**
 * The tables that network policies of a cluster are enforced by, without what they say: one for what the
 * host forwards, and where that does not see what bridges forward themselves, the same for these.
 *
 *   table inet weft-cluster, table bridge weft-cluster
 *     set pending4, pending6            addresses of pods that nothing is known of yet
 *     set own4, own6                    10.1.2.3 . 10.1.2.3: isolated pods, and themselves
 *     set egress-drops4 …               isolated addresses, and how much was dropped of each
 *     map egress4, egress6 …            isolated addresses, and the chains of their policies
 *     chain egress (forward)            pending: drop; known: accept; else by source -> egress4
 *     chain ingress (forward)           the same by destination -> ingress4
 *     chain egress-drop, ingress-drop   counts what is dropped, and of whom
 *
 * A packet has to pass both. The host's own packets are not forwarded, and never come here.
 */

import type { Family } from "../../ip/address.ts";
import { ETH_P_IP, ETH_P_IPV6 } from "../../netlink/if-ether.ts";
import type { Request } from "../../netlink/message.ts";
import { matchNoBeginning } from "../../netlink/nft-beginning.ts";
import { newCountedSet, newNotedRule } from "../../netlink/nft-counted.ts";
import {
  goWhere,
  loadDestination,
  loadPayload,
  loadSource,
  matchFamily,
  matchIn,
  NF_ACCEPT,
  NF_DROP,
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFT_GOTO,
  NFT_PAYLOAD_NETWORK_HEADER,
  verdictOf,
} from "../../netlink/nft-expression.ts";
import type { Expression } from "../../netlink/nft-layout.ts";
import { matchProtocol } from "../../netlink/nft-packet.ts";
import {
  count,
  matchKnownConnection,
  matchTranslated,
  neighbourTraffic,
} from "../../netlink/nft-policy.ts";
import { wordRegister } from "../../netlink/nft-register.ts";
import {
  delRule,
  NF_BR_FORWARD,
  NF_BR_PRI_FILTER_BRIDGED,
  NF_INET_FORWARD,
  NF_IP_PRI_FILTER,
  type NftChain,
  type NftSet,
  type NftTable,
  newChain,
  newSet,
} from "../../netlink/nft-request.ts";
import type { Notes } from "../../netlink/nftables.ts";
import type { Rule } from "../nft-rules.ts";
import type { Direction } from "../ruleset.ts";
import { addressMap } from "./sets.ts";

/** What is written of rules changes with this number: those with another one are made anew. */
export const SCHEME = "1";

type PerFamily<T> = { readonly [F in Family]: T };

/** Types of keys as `nft` numbers them (datatype.h), 6 bits each. */
export const addressTypes: PerFamily<number> = { 4: 7, 6: 8 };
export const addressLengths: PerFamily<4 | 16> = { 4: 4, 6: 16 };
const families = [4, 6] as const;

/** A set of keys that are bytes as packets have them; a comment says what is in it. */
export function plainSet(table: NftTable, name: string, of: Keys): NftSet {
  const { keyType, keyLength, userData = BYTE_ORDER } = of;
  return { table, name, keyType, keyLength, leadsTo: "nothing", userData };
}

/** What keys are, and what `nft` keeps with their set. */
interface Keys {
  readonly keyType: number;
  readonly keyLength: number;
  readonly userData?: Uint8Array;
}

const BYTE_ORDER = /* @__PURE__ */ Uint8Array.of(0, 4, 2, 0, 0, 0);

function addressSets(table: NftTable, name: string): PerFamily<NftSet> {
  const set = (of: Family) =>
    plainSet(table, `${name}${of}`, { keyType: addressTypes[of], keyLength: addressLengths[of] });
  return { 4: set(4), 6: set(6) };
}

function pairSet(table: NftTable, of: Family): NftSet {
  const keyType = (addressTypes[of] << 6) | addressTypes[of];
  return plainSet(table, `own${of}`, { keyType, keyLength: 2 * addressLengths[of] });
}

function maps(table: NftTable, name: string): PerFamily<NftSet> {
  return { 4: addressMap(table, `${name}4`, 4), 6: addressMap(table, `${name}6`, 16) };
}

type PerDirection<T> = { readonly [D in Direction]: T };

/** One of the tables: its sets and maps, and what differs between them. */
export interface ClusterTable {
  readonly table: NftTable;
  readonly pending: PerFamily<NftSet>;
  readonly own: PerFamily<NftSet>;
  readonly drops: PerDirection<PerFamily<NftSet>>;
  readonly judges: PerDirection<PerFamily<NftSet>>;
  /** How rules go on for packets of a family. */
  readonly matchOf: PerFamily<Rule>;
  /** Where packets enter it: first who sends is judged, then who receives. */
  readonly hook: number;
  readonly priorities: PerDirection<number>;
}

type Differing = Pick<ClusterTable, "table" | "matchOf" | "hook" | "priorities">;

function clusterTable(differing: Differing): ClusterTable {
  const { table } = differing;
  const sets = (name: string) => addressSets(table, name);
  return {
    ...differing,
    pending: sets("pending"),
    own: { 4: pairSet(table, 4), 6: pairSet(table, 6) },
    drops: { egress: sets("egress-drops"), ingress: sets("ingress-drops") },
    judges: { egress: maps(table, "egress"), ingress: maps(table, "ingress") },
  };
}

/** What the host forwards; beside the chains of attachments, and before chains that accept. */
export const routed = /* @__PURE__ */ clusterTable({
  table: { family: NFPROTO_INET, name: "weft-cluster" },
  matchOf: { 4: matchFamily(NFPROTO_IPV4), 6: matchFamily(NFPROTO_IPV6) },
  hook: NF_INET_FORWARD,
  priorities: { egress: NF_IP_PRI_FILTER - 15, ingress: NF_IP_PRI_FILTER - 5 },
});

/** What bridges forward themselves: behind the chains that frames of attachments pass. */
export const bridged = /* @__PURE__ */ clusterTable({
  table: { family: NFPROTO_BRIDGE, name: "weft-cluster" },
  matchOf: { 4: matchProtocol(ETH_P_IP), 6: matchProtocol(ETH_P_IPV6) },
  hook: NF_BR_FORWARD,
  priorities: { egress: NF_BR_PRI_FILTER_BRIDGED + 25, ingress: NF_BR_PRI_FILTER_BRIDGED + 35 },
});

const both = (sets: PerFamily<NftSet>) => families.map((of) => sets[of]);

export function countedSets({ drops }: ClusterTable): readonly NftSet[] {
  return [...both(drops.egress), ...both(drops.ingress)];
}

export function uncountedSets({ pending, own, judges }: ClusterTable): readonly NftSet[] {
  return [...both(pending), ...both(own), ...both(judges.egress), ...both(judges.ingress)];
}

/** A chain with all of its rules, and what is noted of them with the last. */
export interface NotedChain {
  readonly chain: NftChain;
  readonly rules: readonly Rule[];
  readonly notes: Notes;
}

/** Makes a chain, or sets right what is there. */
export function newNotedChain({ chain, rules, notes }: NotedChain): readonly Request[] {
  const last = rules.length - 1;
  return [
    newChain(chain),
    delRule(chain),
    ...rules.map((rule, i) => newNotedRule(chain, rule, i === last ? notes : {})),
  ];
}

/** Goes elsewhere, and does not come back. */
export function goTo(chain: string): Expression {
  return { kind: "immediate", data: { target: 0, data: { verdict: { code: NFT_GOTO, chain } } } };
}

const ends = {
  egress: { load: loadSource, other: "ingress" },
  ingress: { load: loadDestination, other: "egress" },
} as const;

/** The end of a packet's way that a direction judges, in register 1. */
export function loadEnd(direction: Direction, of: Family): Expression {
  return ends[direction].load(addressLengths[of]);
}

/** The other end. */
export function loadPeer(direction: Direction, of: Family): Expression {
  return loadEnd(ends[direction].other, of);
}

export function dropChain(direction: Direction): string {
  return `${direction}-drop`;
}

function droppingRules({ drops, matchOf }: ClusterTable, direction: Direction): readonly Rule[] {
  const drop = verdictOf(NF_DROP);
  const counted = families.map((of) => [
    ...[...matchOf[of], loadEnd(direction, of), matchIn(drops[direction][of].name)],
    drop,
  ]);
  return [...counted, [drop]];
}

/**
 * What comes first decides. A connection of TCP that was cut must not begin again by an answer: it
 * would be one in the other direction then, which may be allowed.
 */
function judgingRules(at: ClusterTable, direction: Direction): readonly Rule[] {
  const { matchOf, pending, own, drops, judges } = at;
  const accept = verdictOf(NF_ACCEPT);
  const drop = verdictOf(NF_DROP);
  const { other } = ends[direction];
  const each = (rule: (of: Family) => Rule) => families.map((of) => [...matchOf[of], ...rule(of)]);
  const end = (of: Family) => loadEnd(direction, of);
  return [
    ...each((of) => [end(of), matchIn(pending[of].name), count, drop]),
    [...matchKnownConnection(), accept],
    ...neighbourTraffic().map((match) => [...matchOf[6], ...match, accept]),
    ...each((of) => [...matchTranslated(), ...loadBothEnds(of), matchIn(own[of].name), accept]),
    ...each((of) => [...matchNoBeginning(), end(of), matchIn(drops[other][of].name), drop]),
    ...each((of) => [end(of), goWhere(judges[direction][of].name)]),
  ];
}

function loadBothEnds(of: Family): readonly Expression[] {
  const length = addressLengths[of];
  const offset = of === 4 ? 16 : 24;
  const destination = { base: NFT_PAYLOAD_NETWORK_HEADER, offset, length };
  return [loadSource(length), loadPayload(destination, wordRegister(length / 4))];
}

function chainOf(chain: NftChain, rules: readonly Rule[]): NotedChain {
  return { chain, rules, notes: { holder: noteOf(SCHEME, rules.length) } };
}

/** What is noted of a chain: what its rules are made of, and how many they are. */
export function noteOf(content: string, rules: number): string {
  return `${content} ${rules}`;
}

function baseOf(at: ClusterTable, direction: Direction): NotedChain {
  const { table, hook, priorities } = at;
  const base = { type: "filter", hook, priority: priorities[direction] };
  return chainOf({ table, name: direction, base }, judgingRules(at, direction));
}

/** The chains that are always there; those that come later use the ones before. */
export function standingChains(at: ClusterTable): readonly NotedChain[] {
  const { table } = at;
  const directions = ["egress", "ingress"] as const;
  const dropping = directions.map((direction) =>
    chainOf({ table, name: dropChain(direction) }, droppingRules(at, direction)),
  );
  return [...dropping, ...directions.map((direction) => baseOf(at, direction))];
}

/** Makes the sets that are always there; those that are there are fine. */
export function newStandingSets(at: ClusterTable): readonly Request[] {
  return [...uncountedSets(at).map(newSet), ...countedSets(at).map(newCountedSet)];
}
