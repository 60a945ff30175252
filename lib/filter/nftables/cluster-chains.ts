/**
 * Chains of policies as rules: one for each thing that is allowed, and the last goes where the rest
 * is dropped. Blocks that are allowed the same ports are one set of intervals, which the rules have
 * for themselves.
 */

import { shortDigest } from "../../host/digest.ts";
import type { Family } from "../../ip/address.ts";
import type { Request } from "../../netlink/message.ts";
import {
  type IntervalSet,
  matchInIntervals,
  newIntervalSet,
  newIntervals,
} from "../../netlink/nft-counted.ts";
import {
  loadDestination,
  loadPayload,
  matchIn,
  NF_ACCEPT,
  NFT_PAYLOAD_TRANSPORT_HEADER,
  verdictOf,
} from "../../netlink/nft-expression.ts";
import type { Expression } from "../../netlink/nft-layout.ts";
import { matchCarried, matchPorts } from "../../netlink/nft-policy.ts";
import { wordRegister } from "../../netlink/nft-register.ts";
import type { NftChain } from "../../netlink/nft-request.ts";
import type { Rule } from "../nft-rules.ts";
import {
  type Allow,
  type Block,
  type Chain,
  isOfNamedPort,
  type OfNamedPort,
  type OfPeers,
  type PortRange,
  type Protocol,
} from "../ruleset.ts";
import { intervalsOf } from "./cluster-blocks.ts";
import { chunks, cut, DIGITS, peerSet } from "./cluster-sets.ts";
import {
  addressLengths,
  addressTypes,
  type ClusterTable,
  dropChain,
  goTo,
  loadPeer,
  newNotedChain,
  noteOf,
  SCHEME,
} from "./cluster-table.ts";

const families = [4, 6] as const;
/** linux/in.h */
const protocols: { readonly [P in Protocol]: number } = { TCP: 6, UDP: 17, SCTP: 132 };
const accept = /* @__PURE__ */ verdictOf(NF_ACCEPT);

/** The name of a chain in the table, by that in a ruleset. */
export function chainName(name: string, direction: Chain["direction"]): string {
  return `${direction}-${shortDigest(name, DIGITS)}`;
}

/** The same as a chain. */
export function chainAt(
  { table }: ClusterTable,
  name: string,
  direction: Chain["direction"],
): NftChain {
  return { table, name: chainName(name, direction) };
}

/** What is noted of a chain: equal where the rules are. */
export function noteFor(chain: Chain): string {
  return shortDigest(`${SCHEME} ${JSON.stringify(chain)}`, DIGITS);
}

/** Sets of intervals are told apart by numbers within a transaction; this gives them. */
export type NextId = () => number;

/** Makes a chain, or sets right what is there, with the sets that its rules have for themselves. */
export function chainRequests(
  at: ClusterTable,
  [name, chain]: readonly [name: string, chain: Chain],
  nextId: NextId,
): readonly Request[] {
  const maker = new Maker(at, chain, nextId);
  const rules = [...maker.rules(), [goTo(dropChain(chain.direction))]];
  const notes = { comment: cut(name), holder: noteOf(noteFor(chain), rules.length) };
  const made = { chain: chainAt(at, name, chain.direction), rules, notes };
  return [...maker.requests, ...newNotedChain(made)];
}

/** Makes the rules of one chain. What many rules say is one object, since there may be thousands. */
class Maker {
  readonly requests: Request[] = [];
  readonly #at: ClusterTable;
  readonly #chain: Chain;
  readonly #nextId: NextId;
  readonly #ports = new Map<string, Rule>();

  constructor(at: ClusterTable, chain: Chain, nextId: NextId) {
    this.#at = at;
    this.#chain = chain;
    this.#nextId = nextId;
  }

  rules(): readonly Rule[] {
    const blocks = new Map<string, { ports: OfPeers["ports"]; all: Block[] }>();
    const rules = new Map<string, readonly Rule[]>();
    for (const allow of this.#chain.allows) {
      const block = blockOf(allow);
      if (isOfNamedPort(allow)) rules.set(keyOf(allow), this.#namedRules(allow));
      else if (!block) rules.set(keyOf(allow), this.#peerRules(allow));
      else {
        const key = JSON.stringify(allow.ports);
        const group = blocks.get(key) ?? { ports: allow.ports, all: [] };
        group.all.push(block);
        blocks.set(key, group);
      }
    }
    const ofBlocks = [...blocks.values()].flatMap(({ ports, all }) => this.#blockRules(all, ports));
    return [...rules.values(), ofBlocks].flat();
  }

  #peerRules({ peers, ports }: OfPeers): readonly Rule[] {
    const matches = this.#portMatches(ports);
    if (!peers || !("set" in peers)) return matches.map((match) => [...match, accept]);
    return families.flatMap((of) => {
      const isIn = matchIn(peerSet(this.#at, peers.set, { hasPorts: false, of }).name);
      const end = [...this.#at.matchOf[of], loadPeer(this.#chain.direction, of), isIn, accept];
      return matches.map((match) => [...match, ...end]);
    });
  }

  #namedRules({ destinations, protocol }: OfNamedPort): readonly Rule[] {
    return families.map((of) => [
      ...this.#portMatch({ protocol, range: undefined }),
      ...this.#at.matchOf[of],
      ...loadTarget(of),
      matchIn(peerSet(this.#at, destinations, { hasPorts: true, of }).name),
      accept,
    ]);
  }

  #blockRules(blocks: readonly Block[], ports: OfPeers["ports"]): readonly Rule[] {
    return families.flatMap((of) => {
      const intervals = intervalsOf(blocks, of);
      if (intervals.length === 0) return [];
      return this.#portMatches(ports).map((match) => {
        const set = intervalSet(this.#at, of, this.#nextId());
        const filled = chunks(intervals).map((part) => newIntervals(set, part));
        this.requests.push(newIntervalSet(set), ...filled);
        const isIn = [loadPeer(this.#chain.direction, of), matchInIntervals(set)];
        return [...match, ...this.#at.matchOf[of], ...isIn, accept];
      });
    });
  }

  #portMatches(ports: readonly PortRange[] | undefined): readonly Rule[] {
    return ports?.map((each) => this.#portMatch(each)) ?? [[]];
  }

  #portMatch({ protocol, range }: PortRange): Rule {
    const key = `${protocol} ${range}`;
    const known = this.#ports.get(key);
    if (known) return known;
    const carried = matchCarried(protocols[protocol]);
    const match = range ? [...carried, ...matchPorts(...range)] : carried;
    this.#ports.set(key, match);
    return match;
  }
}

function blockOf(allow: Allow): Block | undefined {
  if (isOfNamedPort(allow) || !allow.peers || "set" in allow.peers) return undefined;
  return allow.peers;
}

/** What an allowance allows, whichever policy it is of. */
function keyOf({ policy, ...rest }: Allow): string {
  return JSON.stringify(rest);
}

/** The destination of a packet with its port, as elements of sets have them. */
function loadTarget(of: Family): readonly Expression[] {
  const length = addressLengths[of];
  const port = { base: NFT_PAYLOAD_TRANSPORT_HEADER, offset: 2, length: 2 };
  return [loadDestination(length), loadPayload(port, wordRegister(length / 4))];
}

function intervalSet({ table }: ClusterTable, of: Family, id: number): IntervalSet {
  const userData = Uint8Array.of(0, 4, 2, 0, 0, 0);
  return {
    table,
    id,
    keyType: addressTypes[of],
    keyLength: addressLengths[of],
    userData,
  };
}
