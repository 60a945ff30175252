/** A table of a cluster's policies made right, whatever is there: what is as it should be stays. */

import { pack } from "../../bytes/packed.ts";
import { family, type IpAddress } from "../../ip/address.ts";
import type { Netns } from "../../net/netns.ts";
import type { Request } from "../../netlink/message.ts";
import type { FoundChain } from "../../netlink/nft-chains.ts";
import { kindOf, type SetKind } from "../../netlink/nft-counted.ts";
import { addKeys } from "../../netlink/nft-keys.ts";
import {
  delChain,
  delRule,
  delSet,
  delTable,
  type NftChain,
  type NftSet,
  newSet,
  newTable,
} from "../../netlink/nft-request.ts";
import type { PeerSet, Ruleset } from "../ruleset.ts";
import { transactByLook } from "../whole-transaction.ts";
import { chainAt, chainName, chainRequests, noteFor } from "./cluster-chains.ts";
import { counter } from "./cluster-changes.ts";
import { chainNames, elementName, elementsOf, exchange, type Wanted } from "./cluster-elements.ts";
import { emptyTable, type FoundTable, findTable, listKeys } from "./cluster-found.ts";
import { absences, additions, deletions, peerSet, presences } from "./cluster-sets.ts";
import {
  type ClusterTable,
  countedSets,
  newNotedChain,
  newStandingSets,
  standingChains,
  uncountedSets,
} from "./cluster-table.ts";
import { listOwnedElements } from "./elements.ts";

const families = [4, 6] as const;

/** What is to be there, and which addresses are pending no more. */
export interface Wish {
  readonly ruleset: Ruleset;
  readonly settled: readonly IpAddress[];
}

/** Makes the table what a ruleset says; addresses of its own and settled ones are not pending. */
export function replaceRuleset(host: Netns, at: ClusterTable, { ruleset, settled }: Wish): boolean {
  const look = () => findTable(host, at);
  return transactByLook(host, look, (found) => {
    const replacement = new Replacement(host, at, { ruleset, settled });
    return replacement.isFor(found) ? replacement.of(found) : replacement.instead();
  });
}

function isSame(a: SetKind, b: SetKind): boolean {
  const isSameKey = a.keyType === b.keyType && a.keyLength === b.keyLength;
  return isSameKey && a.flags === b.flags && a.counts === b.counts;
}

/** Whether packets enter a chain where they are to; a chain that is not there can be made. */
function isKind(found: FoundChain | undefined, base: NftChain["base"]): boolean {
  const priority = base && base.priority >>> 0;
  return (
    !found ||
    (found.hook === base?.hook && found.priority === priority && found.type === base?.type)
  );
}

/** What has to be done for one ruleset. */
class Replacement {
  readonly #host: Netns;
  readonly #at: ClusterTable;
  readonly #ruleset: Ruleset;
  readonly #settled: readonly IpAddress[];
  readonly #nextId = counter();

  constructor(host: Netns, at: ClusterTable, { ruleset, settled }: Wish) {
    this.#host = host;
    this.#at = at;
    this.#ruleset = ruleset;
    this.#settled = settled;
  }

  /** False if something has a name of ours and is of another kind: it could not be changed. */
  isFor({ sets, chains }: FoundTable): boolean {
    const counted = countedSets(this.#at);
    const all = [...uncountedSets(this.#at), ...counted, ...this.#peerSets().keys()];
    const areSets = all.every((set) => {
      const found = sets.get(set.name);
      return !found || isSame(found, kindOf(set, counted.includes(set)));
    });
    return areSets && this.#allChains().every(({ name, base }) => isKind(chains.get(name), base));
  }

  /** The names of the sets that are always there, in the order in which they are made. */
  get #standing(): readonly string[] {
    return [...uncountedSets(this.#at), ...countedSets(this.#at)].map(({ name }) => name);
  }

  #allChains(): readonly NftChain[] {
    return [
      ...standingChains(this.#at).map(({ chain }) => chain),
      ...[...this.#ruleset.chains].map(([name, { direction }]) =>
        chainAt(this.#at, name, direction),
      ),
    ];
  }

  /** Requests for what differs; none if nothing does. */
  of(found: FoundTable): readonly Request[] {
    const wanted = this.#peerSets();
    const peers = [...wanted].flatMap(([set, keys]) => this.#peers(found, set, keys));
    const standing = newStandingSets(this.#at).filter(
      (_, i) => !found.sets.has(this.#standing[i] ?? ""),
    );
    const changes = [
      ...standing,
      ...peers,
      ...this.#chains(found),
      ...this.#addresses(found),
      ...this.#settle(found),
      ...this.#surplus(found, new Set([...wanted.keys()].map(({ name }) => name))),
    ];
    return changes.length === 0 ? [] : [newTable(this.#at.table), ...changes];
  }

  /** The same where the table is another's: it goes, and with it what was counted. */
  instead(): readonly Request[] {
    const { table, pending } = this.#at;
    const kept = families.flatMap((of) => {
      const keys = listKeys(this.#host, pending[of]).filter((key) => family(key) === of);
      return presences(pending[of], keys);
    });
    const [first, ...rest] = this.of(emptyTable);
    const settling = this.#settlement();
    return [delTable(table), ...(first ? [first] : []), ...rest, ...kept, ...settling];
  }

  /** The sets of peers, and their keys one after the other. */
  #peerSets(): ReadonlyMap<NftSet, Uint8Array> {
    const sets = [...this.#ruleset.sets].flatMap(([name, set]) => this.#bothOf(name, set));
    return new Map(sets);
  }

  #bothOf(name: string, { hasPorts, elements }: PeerSet) {
    return families.map(
      (of) => [peerSet(this.#at, name, { hasPorts, of }), elements.keys(of)] as const,
    );
  }

  #peers(found: FoundTable, set: NftSet, keys: Uint8Array): readonly Request[] {
    if (!found.sets.has(set.name)) return [newSet(set), ...addKeys(set, keys)];
    const there = new Map(listKeys(this.#host, set).map((key) => [pack(key), key]));
    const missing = split(keys, set.keyLength).filter((key) => !there.delete(pack(key)));
    return [...deletions(set, [...there.values()]), ...additions(set, missing)];
  }

  #chains({ rules, chains }: FoundTable): readonly Request[] {
    const isRight = (name: string, content: string | undefined) => {
      const found = rules.get(name);
      return chains.has(name) && found !== undefined && found.note === `${content} ${found.count}`;
    };
    const standing = standingChains(this.#at).filter(({ chain, notes, rules: all }) => {
      return !isRight(chain.name, notes.holder?.slice(0, -` ${all.length}`.length));
    });
    const leaves = [...this.#ruleset.chains].filter(([name, chain]) => {
      return !isRight(chainName(name, chain.direction), noteFor(chain));
    });
    return [
      ...standing.flatMap(newNotedChain),
      ...leaves.flatMap((each) => chainRequests(this.#at, each, this.#nextId)),
    ];
  }

  #addresses({ sets }: FoundTable): readonly Request[] {
    const wanted = [...this.#ruleset.addresses.values()].flatMap((judged) =>
      elementsOf(this.#at, judged.address, chainNames(judged)),
    );
    const missing = new Map(wanted.map((each) => [elementName(each), each]));
    const surplus = addressSets(this.#at)
      .filter(({ name }) => sets.has(name))
      .flatMap((set) => this.#elementsIn(set))
      .filter((each) => !missing.delete(elementName(each)));
    return exchange(surplus, [...missing.values()]);
  }

  #elementsIn(set: NftSet): readonly Wanted[] {
    if (set.leadsTo === "nothing") {
      return listKeys(this.#host, set).map((key) => ({ set, key, chain: undefined }));
    }
    return listOwnedElements(this.#host, set).map(({ key, chain }) => ({ set, key, chain }));
  }

  /** Those that are pending and should not be. */
  #settle({ sets }: FoundTable): readonly Request[] {
    const { pending } = this.#at;
    const known = new Set(this.#known().map((address) => address.join()));
    return families.flatMap((of) => {
      if (!sets.has(pending[of].name)) return [];
      const there = listKeys(this.#host, pending[of]);
      return deletions(
        pending[of],
        there.filter((key) => known.has(key.join())),
      );
    });
  }

  #settlement(): readonly Request[] {
    const { pending } = this.#at;
    const known = this.#known();
    return families.flatMap((of) =>
      absences(
        pending[of],
        known.filter((address) => family(address) === of),
      ),
    );
  }

  #known(): readonly IpAddress[] {
    const judged = [...this.#ruleset.addresses.values()].map(({ address }) => address);
    return [...judged, ...this.#settled];
  }

  /** What nothing that is wanted uses: rules first, since they use sets and lead to chains. */
  #surplus({ sets, chains }: FoundTable, peers: ReadonlySet<string>): readonly Request[] {
    const names = new Set(this.#allChains().map(({ name }) => name));
    const { table, pending } = this.#at;
    const standing = new Set(this.#standing);
    const spare = [...chains.keys()].filter((name) => !names.has(name));
    const spareChains = spare.map((name) => ({ table, name }));
    const spareSets = [...sets.keys()].filter((name) => !standing.has(name) && !peers.has(name));
    return [
      ...spareChains.map((chain) => delRule(chain)),
      ...spareSets.map((name) => delSet({ ...pending[4], name })),
      ...spareChains.map(delChain),
    ];
  }
}

/** Keys that come one after the other. */
function split(keys: Uint8Array, length: number): readonly Uint8Array[] {
  return Array.from({ length: keys.length / length }, (_, i) =>
    keys.subarray(i * length, (i + 1) * length),
  );
}

/** The sets and maps that isolated addresses are in. */
function addressSets({ own, drops, judges }: ClusterTable): readonly NftSet[] {
  return families.flatMap((of) => [
    ...[own[of], drops.egress[of], drops.ingress[of]],
    ...[judges.egress[of], judges.ingress[of]],
  ]);
}
