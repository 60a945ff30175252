/**
 * A base chain that sends packets by a map to small chains: an attachment is one element of the
 * map, and attachments that want the same share a chain. The last to leave a chain deletes it.
 */

import { ENOENT, EOPNOTSUPP } from "../../host/errno.ts";
import { heldByAnother, livingFinder } from "../../net/holder.ts";
import type { Netns } from "../../net/netns.ts";
import { type Owner, ownerText, ownerTexts } from "../../net/owner.ts";
import { decodeReply, type Outcome } from "../../netlink/connection.ts";
import { isRefusal, NetlinkError } from "../../netlink/error.ts";
import type { Request } from "../../netlink/message.ts";
import { NFT_GOTO } from "../../netlink/nft-expression.ts";
import {
  delChain,
  delElements,
  delRule,
  ensureElements,
  getChain,
  getElement,
  type NftChain,
  type NftSet,
  newChain,
  newElements,
  newRule,
  newSet,
  newTable,
} from "../../netlink/nft-request.ts";
import { chainMessage } from "../../netlink/nftables.ts";
import { hasRules, type Rule } from "../nft-rules.ts";
import { changeTables } from "../nft-transaction.ts";
import { elementIn, listOwnedElements, type OwnedElement } from "./elements.ts";

/** What all attachments share: the base chain with its rules, and the maps these look into. */
export interface Dispatcher {
  readonly chain: NftChain;
  readonly rules: () => readonly Rule[];
  readonly maps: readonly NftSet[];
  /** The kernel counts the rules of a chain as uses of it. */
  readonly rulesPerChain: number | ((chain: string) => number);
  /**
   * True if others may use an element's chain, or soon will: then it stays when its last element
   * goes, as a bridge stays without ports, until GC finds it unused.
   */
  readonly keepsChains: boolean;
  /** Further base chains: those that lead to the chain, if it is none itself, or have other work. */
  readonly entrances?: () => readonly ChainWithRules[];
  /** Elements without an owner that exist as long as a chain does. */
  readonly companions?: {
    readonly of: (chain: string) => readonly Place[];
    readonly sets: readonly NftSet[];
  };
}

/** A chain, and all of its rules in order. */
export interface ChainWithRules {
  readonly chain: NftChain;
  readonly rules: readonly Rule[];
}

/** Where an element is. */
export interface Place {
  readonly map: NftSet;
  readonly key: Uint8Array;
}

/** An element: its key in words, and the chain or the value that it leads to, if to any. */
export interface Entry extends Place, Partial<ChainWithRules> {
  readonly what: string;
  readonly value?: Uint8Array;
}

/** What an attachment is to have. */
export interface Addition {
  readonly owner: Owner;
  readonly entries: readonly Entry[];
  /** Where the owner is found, noted with each element. */
  readonly holder?: string | undefined;
  /**
   * May make an error of what other owners have: then they keep all of it. Unless it is given,
   * whoever lives keeps what he has.
   */
  readonly refusal?: (taken: readonly OwnedElement[]) => Error | undefined;
  /** Further elements that other owners must not have, found by a search; they go unless refused. */
  readonly rivals?: () => readonly OwnedElement[];
}

/** Makes a chain that is not there, in a table of its own or with others. */
export function ensureChain(ns: Netns, { chain, rules }: ChainWithRules): boolean {
  return changeTables(ns, {
    questions: [getChain(chain)],
    plan: ([answer]) =>
      useIn(answer) < rules.length ? [newTable(chain.table), ...chainWith({ chain, rules })] : [],
  });
}

/**
 * Adds elements and whatever they need. What an owner that is gone has in their places is replaced;
 * what one has that lives is refused by NetError (conflict). Returns what other owners had.
 */
export function addEntries(
  ns: Netns,
  dispatcher: Dispatcher,
  addition: Addition,
): readonly OwnedElement[] {
  const { owner, entries } = addition;
  if (entries.length === 0) return [];
  const led = chainsOf(entries);
  const places = companionsOf(dispatcher, new Set(led.map(({ chain }) => chain.name)));
  const shared = sharedChains(dispatcher);
  const own = ownerTexts(owner);
  let lost: readonly OwnedElement[] = [];
  const isSupported = changeTables(ns, {
    questions: [...shared, ...led]
      .map(({ chain }) => getChain(chain))
      .concat([...entries, ...places].map(questionFor)),
    plan: (all) => {
      const answers = all.slice(shared.length);
      const stale = elementsIn(entries, answers.slice(led.length));
      const company = elementsIn(places, answers.slice(led.length + entries.length));
      const rivals = rivalsOf(addition, stale);
      lost = [...stale, ...rivals].filter(({ comment }) => !own.includes(comment));
      const { refusal: refuse = refuseLiving(ns, addition) } = addition;
      const refusal = lost.length > 0 ? refuse(lost) : undefined;
      if (refusal) throw refusal;
      const isNew =
        stale.length > 0 ||
        rivals.length > 0 ||
        company.length < places.length ||
        shared.some(({ rules }, i) => useIn(all[i]) < rules.length);
      return [
        ...removal(ns, dispatcher, [...stale, ...rivals]),
        ...(isNew ? layout(dispatcher) : []),
        ...led
          .filter(({ rules }, i) => isNew || useIn(answers[i]) < rules.length)
          .flatMap(chainWith),
        ...places.map(({ map, key }) => ensureElements(map, [{ key: { value: key } }])),
        ...entries.map((entry) => newElement(entry, addition)),
      ];
    },
  });
  if (!isSupported) throw new NetlinkError("use nftables", EOPNOTSUPP);
  return lost;
}

/** The rule for all that is here: nothing of an owner that lives is replaced. */
function refuseLiving(ns: Netns, { owner, entries }: Addition): NonNullable<Addition["refusal"]> {
  return (taken) => {
    const kept = taken.find(livingFinder(ns));
    if (!kept) return undefined;
    const { set, key } = kept;
    const entry = entries.find((each) => each.map === set && each.key.join() === key.join());
    return heldByAnother(owner, entry?.what ?? `an element of "${set.name}"`, kept);
  };
}

/** What others have besides the places of the entries, each once. */
function rivalsOf({ owner, rivals }: Addition, stale: readonly OwnedElement[]) {
  if (!rivals) return [];
  const own = ownerTexts(owner);
  const nameOf = ({ set, key }: OwnedElement) => `${set.name} ${key.join()}`;
  const known = new Set(stale.map(nameOf));
  const found = new Map(rivals().map((element) => [nameOf(element), element]));
  return Array.from(found.values()).filter(
    (element) => !own.includes(element.comment) && !known.has(nameOf(element)),
  );
}

function companionsOf({ companions }: Dispatcher, chains: Iterable<string>): readonly Place[] {
  return companions ? Array.from(chains).flatMap(companions.of) : [];
}

/** How many rules a chain has and elements lead to it; none if there is no such chain. */
function useIn(answer: Outcome | undefined): number {
  if (isRefusal(answer?.error, ENOENT)) return 0;
  if (answer?.error) throw answer.error;
  return decodeReply(answer, chainMessage).attributes?.use ?? 0;
}

function questionFor({ map, key }: Place): Request {
  return getElement(map, key);
}

function elementsIn(
  places: readonly Place[],
  answers: readonly Outcome[],
): readonly OwnedElement[] {
  return places.flatMap(({ map }, i) => elementIn(answers[i], map) ?? []);
}

/** The chains that all attachments need, in the order in which they can be made. */
function sharedChains({ chain, rules, entrances }: Dispatcher): readonly ChainWithRules[] {
  return [{ chain, rules: rules() }, ...(entrances?.() ?? [])];
}

/** Makes what is missing, and sets right what is there. */
function layout(dispatcher: Dispatcher): readonly Request[] {
  const { chain, maps, companions } = dispatcher;
  const sets = [...maps, ...(companions?.sets ?? [])];
  const chains = sharedChains(dispatcher);
  return [newTable(chain.table), ...sets.map(newSet), ...chains.flatMap(chainWith)];
}

function chainWith({ chain, rules }: ChainWithRules): readonly Request[] {
  return [newChain(chain), delRule(chain), ...rules.map((rule) => newRule(chain, rule))];
}

function chainsOf(entries: readonly Entry[]): readonly ChainWithRules[] {
  return entries.flatMap(({ chain, rules = [] }) => (chain ? [{ chain, rules }] : []));
}

function newElement({ map, key, chain, value }: Entry, { owner, holder }: Addition): Request {
  const verdict = chain && { verdict: { code: NFT_GOTO, chain: chain.name } };
  const data = value ? { value } : verdict;
  const comment = ownerText(owner);
  const notes = { comment, ...(hasRoomFor(comment, holder) ? { holder } : {}) };
  const element = { key: { value: key }, notes };
  return newElements(map, [data ? { ...element, data } : element]);
}

/** The kernel keeps 256 bytes with an element: two parts, each with its type, length and end. */
function hasRoomFor(comment: string, holder: string | undefined): holder is string {
  return holder !== undefined && comment.length + holder.length + 2 * 3 <= 256;
}

/** Deletes elements, and their chains unless those are kept. */
function removal(
  ns: Netns,
  dispatcher: Dispatcher,
  elements: readonly OwnedElement[],
): readonly Request[] {
  if (!dispatcher.keepsChains) return deletion(ns, dispatcher, elements);
  return elementDeletion(dispatcher, elements);
}

function elementDeletion(
  { maps }: Dispatcher,
  elements: readonly OwnedElement[],
): readonly Request[] {
  const keys = (map: NftSet) => elements.filter(({ set }) => set === map).map(({ key }) => key);
  return maps.filter((map) => keys(map).length > 0).map((map) => delElements(map, keys(map)));
}

/** Deletes elements, and the chains that nothing leads to without them. */
function deletion(
  ns: Netns,
  dispatcher: Dispatcher,
  elements: readonly OwnedElement[],
): readonly Request[] {
  const { chain, rulesPerChain } = dispatcher;
  const rulesOf = typeof rulesPerChain === "number" ? () => rulesPerChain : rulesPerChain;
  const uses = new Map<string, number>();
  for (const { chain: name } of elements) if (name) uses.set(name, (uses.get(name) ?? 0) + 1);
  const targets = Array.from(uses, ([name, count]) => ({ name, table: chain.table, count }));
  const answers = targets.length > 0 ? ns.netfilter.attempt(...targets.map(getChain)) : [];
  const unused = targets.filter(
    ({ name, count }, i) => useIn(answers[i]) === count + rulesOf(name),
  );
  return [
    ...elementDeletion(dispatcher, elements),
    ...unused.map(delChain),
    ...companionDeletion(
      ns,
      companionsOf(
        dispatcher,
        unused.map(({ name }) => name),
      ),
    ),
  ];
}

function companionDeletion(ns: Netns, places: readonly Place[]): readonly Request[] {
  const answers = places.length > 0 ? ns.netfilter.attempt(...places.map(questionFor)) : [];
  return elementsIn(places, answers).map(({ set, key }) => delElements(set, [key]));
}

/**
 * Deletes an owner's elements: those in known places, or, if none is there, those of a search.
 * Returns what it has deleted.
 */
export function deleteEntries(
  ns: Netns,
  dispatcher: Dispatcher,
  { owner, known }: { readonly owner: Owner; readonly known: readonly Place[] },
): readonly OwnedElement[] {
  const own = ownerTexts(owner);
  let deleted: readonly OwnedElement[] = [];
  const isOwn = ({ comment }: OwnedElement) => own.includes(comment);
  changeTables(ns, {
    questions: known.map(questionFor),
    plan: (answers) => {
      const found = elementsIn(known, answers).filter(isOwn);
      deleted = found.length > 0 ? found : listEntries(ns, dispatcher).filter(isOwn);
      return removal(ns, dispatcher, deleted);
    },
  });
  return deleted;
}

/** All elements that an attachment has, of whichever attachment. */
export function listEntries(ns: Netns, { maps }: Dispatcher): readonly OwnedElement[] {
  return maps.flatMap((map) => listOwnedElements(ns, map));
}

/** What is missing or changed, in words; undefined if an owner's elements do what they should. */
export function checkEntries(
  ns: Netns,
  dispatcher: Dispatcher,
  { owner, entries }: { readonly owner: Owner; readonly entries: readonly Entry[] },
): string | undefined {
  if (entries.length === 0) return undefined;
  const own = ownerTexts(owner);
  const led = chainsOf(entries);
  const places = companionsOf(dispatcher, new Set(led.map(({ chain }) => chain.name)));
  const answers = ns.netfilter.attempt(...[...entries, ...places].map(questionFor));
  const missing = entries.find(({ map, chain, value }, i) => {
    const element = elementIn(answers[i], map);
    return (
      !element ||
      !own.includes(element.comment) ||
      element.chain !== chain?.name ||
      element.value?.join() !== value?.join()
    );
  });
  if (missing) return `map "${missing.map.name}" has no ${missing.what} for "${ownerText(owner)}"`;
  const lone = places.find(({ map }, i) => !elementIn(answers[entries.length + i], map));
  if (lone) return `set "${lone.map.name}" does not have its element`;
  const chains = [...sharedChains(dispatcher), ...led];
  const broken = chains.find(({ chain, rules }) => !hasRules(ns, chain, rules));
  return broken && `chain "${broken.chain.name}" does not have its rules`;
}

/** How many elements one transaction deletes: the list of their keys has to fit one attribute. */
const CHUNK = 500;

/**
 * Deletes elements that were listed, and the chains that nothing leads to without them, unless they
 * have changed hands since. Returns what it has deleted.
 */
export function removeEntries(
  ns: Netns,
  dispatcher: Dispatcher,
  listed: readonly OwnedElement[],
): readonly OwnedElement[] {
  const deleted: OwnedElement[] = [];
  for (let at = 0; at < listed.length; at += CHUNK) {
    const known = new Set(listed.slice(at, at + CHUNK).map(identity));
    let stale: readonly OwnedElement[] = [];
    changeTables(ns, {
      questions: [],
      plan: () => {
        stale = listEntries(ns, dispatcher).filter((element) => known.has(identity(element)));
        return deletion(ns, dispatcher, stale);
      },
    });
    deleted.push(...stale);
  }
  return deleted;
}

/** The same text means the same place and the same owner. */
function identity({ set, key, comment }: OwnedElement): string {
  return `${set.name} ${key.join()} ${comment}`;
}
