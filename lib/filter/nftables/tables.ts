/**
 * nf_tables objects that many attachments share: sets with an element for each, whose comment
 * names the attachment it is there for.
 */

import {
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
  ERESTART,
  SystemError,
} from "../../host/errno.ts";
import type { Netns } from "../../net/netns.ts";
import { decodeReplies, decodeReply, type Outcome } from "../../netlink/connection.ts";
import { isRefusal, NetlinkError } from "../../netlink/error.ts";
import type { Request } from "../../netlink/message.ts";
import type { Expression } from "../../netlink/nft-layout.ts";
import {
  batch,
  getGeneration,
  listElements,
  listRules,
  type NftChain,
  type NftSet,
} from "../../netlink/nft-request.ts";
import {
  type Elements,
  elementsMessage,
  generationMessage,
  ruleMessage,
} from "../../netlink/nftables.ts";

/** An element found in a set: its key, what is noted of its owner, and where it leads to. */
export interface OwnedElement {
  readonly set: NftSet;
  readonly key: Uint8Array;
  readonly comment: string;
  /** Where its owner is found, if that is noted. */
  readonly holder: string | undefined;
  readonly chain: string | undefined;
  readonly value: Uint8Array | undefined;
}

/** The element in the answer to `getElement`; undefined if there is none, or no such set. */
export function elementIn(answer: Outcome | undefined, set: NftSet): OwnedElement | undefined {
  if (answer?.error && !isRefusal(answer.error, ENOENT)) throw answer.error;
  return decodeReplies(answer, elementsMessage).flatMap((each) => ownedElements(set, each))[0];
}

/** All elements of a set; none if there is no such set. */
export function listOwnedElements(ns: Netns, set: NftSet): readonly OwnedElement[] {
  return orNone(() =>
    ns.netfilter
      .dump(listElements(set), elementsMessage)
      .flatMap((message) => ownedElements(set, message)),
  );
}

function ownedElements(set: NftSet, { attributes }: Elements): readonly OwnedElement[] {
  return (attributes?.elements ?? []).map(({ key, data, notes }) => ({
    set,
    key: key?.value ?? new Uint8Array(0),
    comment: notes?.comment ?? "",
    holder: notes?.holder,
    chain: data?.verdict?.chain,
    value: data?.value,
  }));
}

function orNone<T>(list: () => readonly T[]): readonly T[] {
  try {
    return list();
  } catch (cause) {
    if (isRefusal(cause, ENOENT)) return [];
    throw cause;
  }
}

/** The rules of a chain, in order; none if there is no such chain. */
export function listChainRules(ns: Netns, chain: NftChain): readonly FoundRule[] {
  const found = orNone(() => ns.netfilter.dump(listRules(chain), ruleMessage));
  return found.flatMap(({ attributes }) => {
    const { handle = 0, comment = "", expressions = [] } = attributes ?? {};
    return attributes?.chain === chain.name ? [{ handle, comment, expressions }] : [];
  });
}

/** True if a chain has these rules, in this order, and no others. */
export function hasRules(ns: Netns, chain: NftChain, rules: readonly Rule[]): boolean {
  const found = listChainRules(ns, chain).map(({ expressions }) => expressions);
  return found.length === rules.length && includes(found, rules);
}

/** A rule as the kernel shows it. */
export interface FoundRule {
  readonly handle: number;
  readonly comment: string;
  readonly expressions: Rule;
}

/** A rule: its expressions, in order. */
export type Rule = readonly Expression[];

/** True if `found` has every member that `expected` has; the kernel adds defaults of its own. */
function includes(found: unknown, expected: unknown): boolean {
  if (typeof expected !== "object" || expected === null) return found === expected;
  if (typeof found !== "object" || found === null) return false;
  const members: { readonly [key: string]: unknown } = { ...found };
  return Object.entries(expected).every(([key, value]) => includes(members[key], value));
}

/** The number of the latest transaction, or undefined if the kernel has no nf_tables. */
export function findGeneration(ns: Netns): number | undefined {
  return unlessUnsupported(
    () => ns.netfilter.get(getGeneration(), generationMessage).attributes.id,
    undefined,
  );
}

/** The outcome of a body that asks nf_tables, or another where the kernel does not have it. */
export function unlessUnsupported<T>(body: () => T, otherwise: T): T {
  try {
    return body();
  } catch (cause) {
    if (isUnsupported(cause)) return otherwise;
    throw cause;
  }
}

/** True if what was asked for is there; throws what is not the kernel's word that it is not. */
export function isThere(answer: Outcome | undefined): boolean {
  if (!answer?.error) return answer !== undefined;
  if (isRefusal(answer.error, ENOENT) || isUnsupported(answer.error)) return false;
  throw answer.error;
}

function isUnsupported(cause: unknown): boolean {
  const hasNoSocket = cause instanceof SystemError && cause.errno === EPROTONOSUPPORT;
  return hasNoSocket || isRefusal(cause, EINVAL, EOPNOTSUPP);
}

/** How often a change is planned that others keep from being made. */
const ATTEMPTS = 500;

/** What a change is made of: questions, and a plan that turns the answers into a transaction. */
export interface Change {
  readonly questions: readonly Request[];
  readonly plan: (answers: readonly Outcome[]) => readonly Request[];
}

/**
 * Reads, decides and changes in one step: the transaction is refused if the tables have changed
 * since the first question, and then all is done again. An empty plan ends it. A plan foresees
 * what would be refused, because taking back a transaction costs the kernel some 10 ms. False if
 * the kernel has no nf_tables.
 */
export function changeTables(ns: Netns, { questions, plan }: Change): boolean {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const ask = () => ns.netfilter.attempt(getGeneration(), ...questions);
    const [first, ...answers] = unlessUnsupported(ask, []);
    if (!first || isUnsupported(first.error)) return false;
    if (first.error) throw first.error;
    const generation = decodeReply(first, generationMessage).attributes?.id ?? 0;
    const requests = plan(answers);
    if (requests.length === 0) return true;
    try {
      ns.netfilter.transaction(batch(requests, generation));
      return true;
    } catch (cause) {
      if (!isRefusal(cause, ERESTART)) throw cause;
    }
  }
  throw new NetlinkError("change nftables", ERESTART);
}
