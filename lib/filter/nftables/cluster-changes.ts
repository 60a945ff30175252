/** Changes of the tables of a cluster's policies, each one transaction. */

import { family, type IpAddress, parseAddress } from "../../ip/address.ts";
import type { Netns } from "../../net/netns.ts";
import type { Request } from "../../netlink/message.ts";
import { delChain } from "../../netlink/nft-request.ts";
import { type Question, transact } from "../nft-transaction.ts";
import type { Direction, JudgedAddress, RulesetChanges } from "../ruleset.ts";
import { transactByLook } from "../whole-transaction.ts";
import { chainAt, chainRequests, type NextId } from "./cluster-chains.ts";
import {
  type ChainNames,
  chainNames,
  directions,
  elementName,
  elementsOf,
  exchange,
} from "./cluster-elements.ts";
import { absences, goneRequests, ofFamily, setRequests } from "./cluster-sets.ts";
import type { ClusterTable } from "./cluster-table.ts";
import {
  elementAt,
  listOwnedElements,
  type OwnedElement,
  type Place,
  placeName,
} from "./elements.ts";

const families = [4, 6] as const;

/** An address whose chains change. */
interface Move {
  readonly address: IpAddress;
  readonly now: ChainNames;
}

/**
 * Makes changes of tables that are there, and settles addresses, in one step. What is new comes before
 * what uses it, and what is gone goes after. Throws NetlinkError if the kernel refuses it: then nothing
 * has changed.
 */
export function applyChanges(
  host: Netns,
  tables: readonly ClusterTable[],
  { changes, settled }: ToApply,
): void {
  const moves = [...changes.addresses].flatMap(([text, judged]) => moveOf(text, judged));
  const nextId = counter();
  const parts = tables.map((at) => ({ at, ...edgesOf(at, { changes, settled }, nextId) }));
  const all = (found: readonly Found[]) =>
    parts.flatMap(({ at, first, last }, i) => [
      ...first,
      ...addressRequests(at, moves, found[i] ?? new Map()),
      ...last,
    ]);
  if (moves.length * tables.length > FEW) {
    transactByLook(host, () => tables.map((at) => foundInMaps(host, at)), all);
    return;
  }
  const questions = tables.map((at) => moves.flatMap((move) => questionsAbout(at, move)));
  const size = questions[0]?.length ?? 0;
  transact(host, { found: questions.flat() }, ({ found }) => ({
    requests: all(tables.map((_, i) => foundIn(found.slice(i * size, (i + 1) * size)))),
    result: undefined,
  }));
}

/** What becomes of the tables. */
export interface ToApply {
  readonly changes: RulesetChanges;
  /** The addresses that are pending no more. */
  readonly settled: readonly IpAddress[];
}

/** What comes before and behind the changes of addresses in one table. */
function edgesOf(
  at: ClusterTable,
  { changes: { sets, chains }, settled }: ToApply,
  nextId: NextId,
): { readonly first: readonly Request[]; readonly last: readonly Request[] } {
  const gone = [...chains].flatMap(([name, chain]) => (chain ? [] : [chainFor(at, name)]));
  return {
    first: [
      ...[...sets].flatMap(([name, change]) => setRequests(at, name, change)),
      ...chainChanges(at, chains, nextId),
    ],
    last: [
      ...gone.map(delChain),
      ...[...sets].flatMap(([name, change]) => goneRequests(at, name, change)),
      ...families.flatMap((of) => absences(at.pending[of], ofFamily(settled, of))),
    ],
  };
}

/** Of more addresses than these all are listed, since a socket has no room for more answers at once. */
const FEW = 50;

/** The chains that addresses lead to now, by their places. */
type Found = ReadonlyMap<string, string | undefined>;

function foundIn(elements: readonly (OwnedElement | undefined)[]): Found {
  return new Map(elements.flatMap((each) => (each ? [[placeName(each), each.chain]] : [])));
}

function foundInMaps(host: Netns, { judges }: ClusterTable): Found {
  const maps = directions.flatMap((direction) => families.map((of) => judges[direction][of]));
  return foundIn(maps.flatMap((map) => listOwnedElements(host, map)));
}

function moveOf(text: string, judged: JudgedAddress | undefined): readonly Move[] {
  const address = parseAddress(text);
  return address ? [{ address, now: chainNames(judged) }] : [];
}

function chainChanges(
  at: ClusterTable,
  chains: RulesetChanges["chains"],
  nextId: NextId,
): readonly Request[] {
  return [...chains].flatMap(([name, chain]) =>
    chain ? chainRequests(at, [name, chain], nextId) : [],
  );
}

/** Numbers from 2 on: Linux 6.1 takes 1 for a named set of the transaction (newSet). */
export function counter(): NextId {
  let last = 1;
  return () => ++last;
}

/** A chain that is gone says its direction by its name alone. */
function chainFor(at: ClusterTable, name: string) {
  return chainAt(at, name, directionIn(name));
}

/** The names of a ruleset's chains begin with their direction. */
function directionIn(name: string): Direction {
  return name.startsWith("egress") ? "egress" : "ingress";
}

function questionsAbout(
  at: ClusterTable,
  { address }: Move,
): readonly Question<OwnedElement | undefined>[] {
  return directions.map((direction) => elementAt(placeOf(at, address, direction)));
}

function placeOf({ judges }: ClusterTable, address: IpAddress, direction: Direction): Place {
  return { set: judges[direction][family(address)], key: address };
}

function addressRequests(
  at: ClusterTable,
  moves: readonly Move[],
  found: Found,
): readonly Request[] {
  const elements = moves.map(({ address, now }) => {
    const chain = (direction: Direction) => found.get(placeName(placeOf(at, address, direction)));
    const before = { egress: chain("egress"), ingress: chain("ingress") };
    return { before: elementsOf(at, address, before), after: elementsOf(at, address, now) };
  });
  const removed = elements.flatMap(({ before, after }) => less(before, after));
  const added = elements.flatMap(({ before, after }) => less(after, before));
  return exchange(removed, added);
}

type Elements = ReturnType<typeof elementsOf>;

function less(some: Elements, others: Elements): Elements {
  const names = new Set(others.map(elementName));
  return some.filter((each) => !names.has(elementName(each)));
}
