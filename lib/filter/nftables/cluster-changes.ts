/** Changes of the table of a cluster's policies, each one transaction. */

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
import { judges, pending } from "./cluster-table.ts";
import {
  elementAt,
  listOwnedElements,
  type OwnedElement,
  type Place,
  placeName,
} from "./elements.ts";

const families = [4, 6] as const;

/** An address whose chains change. */
interface Change {
  readonly address: IpAddress;
  readonly now: ChainNames;
}

/**
 * Makes changes of a table that is there, and settles addresses, in one step. What is new comes before
 * what uses it, and what is gone goes after. Throws NetlinkError if the kernel refuses it: then nothing
 * has changed.
 */
export function applyChanges(
  host: Netns,
  { sets, chains, addresses }: RulesetChanges,
  settled: readonly IpAddress[],
): void {
  const changes = [...addresses].flatMap(([text, judged]) => changeOf(text, judged));
  const first = [
    ...[...sets].flatMap(([name, change]) => setRequests(name, change)),
    ...chainChanges(chains, counter()),
  ];
  const last = [
    ...[...chains].flatMap(([name, chain]) => (chain ? [] : [delChain(chainFor(name))])),
    ...[...sets].flatMap(([name, change]) => goneRequests(name, change)),
    ...families.flatMap((of) => absences(pending[of], ofFamily(settled, of))),
  ];
  const all = (found: Found) => [...first, ...addressRequests(changes, found), ...last];
  if (changes.length > FEW) transactByLook(host, () => foundInMaps(host), all);
  else {
    transact(host, { found: changes.flatMap(questionsAbout) }, ({ found }) => ({
      requests: all(foundIn(found)),
      result: undefined,
    }));
  }
}

/** Of more addresses than these all are listed, since a socket has no room for more answers at once. */
const FEW = 50;

/** The chains that addresses lead to now, by their places. */
type Found = ReadonlyMap<string, string | undefined>;

function foundIn(elements: readonly (OwnedElement | undefined)[]): Found {
  return new Map(elements.flatMap((each) => (each ? [[placeName(each), each.chain]] : [])));
}

function foundInMaps(host: Netns): Found {
  const maps = directions.flatMap((direction) => families.map((of) => judges[direction][of]));
  return foundIn(maps.flatMap((map) => listOwnedElements(host, map)));
}

function changeOf(text: string, judged: JudgedAddress | undefined): readonly Change[] {
  const address = parseAddress(text);
  return address ? [{ address, now: chainNames(judged) }] : [];
}

function chainChanges(chains: RulesetChanges["chains"], nextId: NextId): readonly Request[] {
  return [...chains].flatMap(([name, chain]) => (chain ? chainRequests(name, chain, nextId) : []));
}

/** Numbers from 1 on. */
export function counter(): NextId {
  let last = 0;
  return () => ++last;
}

/** A chain that is gone says its direction by its name alone. */
function chainFor(name: string) {
  return chainAt(name, directionIn(name));
}

/** The names of a ruleset's chains begin with their direction. */
function directionIn(name: string): Direction {
  return name.startsWith("egress") ? "egress" : "ingress";
}

function questionsAbout({ address }: Change): readonly Question<OwnedElement | undefined>[] {
  return directions.map((direction) => elementAt(placeOf(address, direction)));
}

function placeOf(address: IpAddress, direction: Direction): Place {
  return { set: judges[direction][family(address)], key: address };
}

function addressRequests(changes: readonly Change[], found: Found): readonly Request[] {
  const elements = changes.map(({ address, now }) => {
    const chain = (direction: Direction) => found.get(placeName(placeOf(address, direction)));
    const before = { egress: chain("egress"), ingress: chain("ingress") };
    return { before: elementsOf(address, before), after: elementsOf(address, now) };
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
