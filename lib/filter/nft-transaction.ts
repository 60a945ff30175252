/**
 * How nf_tables are asked and changed: several questions at once, each with its own kind of answer,
 * and a change that is refused unless everything is still as it was when they were asked.
 */

import {
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
  ERESTART,
  SystemError,
} from "../host/errno.ts";
import type { Netns } from "../net/netns.ts";
import { decodeReply, type Outcome } from "../netlink/connection.ts";
import { isRefusal, NetlinkError } from "../netlink/error.ts";
import type { Request } from "../netlink/message.ts";
import { batch, getGeneration } from "../netlink/nft-batch.ts";
import { generationMessage } from "../netlink/nftables.ts";

/** A question to the kernel, and what its answer says. */
export interface Question<T> {
  readonly request: Request;
  readonly read: (answer: Outcome) => T;
}

/** Questions in groups: the answers of a group are all of one type. */
export interface Questions {
  readonly [group: string]: readonly Question<unknown>[];
}

/** What the answers to questions say, under the names of their groups and in the same order. */
export type Answers<Q extends Questions> = {
  readonly [G in keyof Q]: Q[G] extends readonly Question<infer T>[] ? readonly T[] : never;
};

/** A question about a thing that need not be there: `otherwise` is the answer if it is not. */
export function whereThere<T>(
  request: Request,
  read: (answer: Outcome) => T,
  otherwise: T,
): Question<T> {
  return {
    request: { ...request, tolerates: [ENOENT] },
    read(answer) {
      if (answer.error) throw answer.error;
      return answer.bodies.length > 0 ? read(answer) : otherwise;
    },
  };
}

/** Asks all questions at once; throws the first refusal that a question does not foresee. */
export function ask<Q extends Questions>(ns: Netns, questions: Q): Answers<Q> {
  const requests = requestsOf(questions);
  return readAll(questions, requests.length > 0 ? ns.netfilter.attempt(...requests) : []);
}

function requestsOf(questions: Questions): readonly Request[] {
  return Object.values(questions).flatMap((group) => group.map(({ request }) => request));
}

function readAll<Q extends Questions>(questions: Q, outcomes: readonly Outcome[]): Answers<Q> {
  const rest = outcomes[Symbol.iterator]();
  const groups = Object.entries(questions).map(([name, group]) => [
    name,
    group.map(({ read }) => read(rest.next().value as Outcome)),
  ]);
  return Object.fromEntries(groups) as Answers<Q>;
}

/** What a change consists of, and what there is to say of it. */
export interface Plan<T> {
  readonly requests: readonly Request[];
  readonly result: T;
}

/** How often a change is planned that others keep from being made. */
export const ATTEMPTS = 500;

/**
 * Asks, plans and changes in one step: the change is refused if the tables have changed since the
 * questions, and then all is done again. A plan without requests ends it. A plan foresees what
 * would be refused, because taking back a transaction costs the kernel some 10 ms. Returns the
 * plan's result; undefined if the kernel has no nf_tables.
 */
export function transact<Q extends Questions, T>(
  ns: Netns,
  questions: Q,
  plan: (answers: Answers<Q>) => Plan<T>,
): T | undefined {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const all = () => ns.netfilter.attempt(getGeneration(), ...requestsOf(questions));
    const [first, ...outcomes] = unlessUnsupported(all, []);
    if (!first || isUnsupported(first.error)) return undefined;
    if (first.error) throw first.error;
    const generation = decodeReply(first, generationMessage).attributes?.id ?? 0;
    const { requests, result } = plan(readAll(questions, outcomes));
    if (requests.length === 0 || isMade(ns, batch(requests, generation))) return result;
  }
  throw new NetlinkError("change nftables", ERESTART);
}

/** False if the tables were changed by another meanwhile. */
export function isMade(ns: Netns, transaction: readonly Request[]): boolean {
  try {
    ns.netfilter.transaction(transaction);
    return true;
  } catch (cause) {
    if (isRefusal(cause, ERESTART)) return false;
    throw cause;
  }
}

/** What a simple change is made of: questions of one kind, and a plan by their answers. */
export interface Change {
  readonly questions: readonly Request[];
  readonly plan: (answers: readonly Outcome[]) => readonly Request[];
}

/** As `transact`, where the change is all there is to say; false if there are no nf_tables. */
export function changeTables(ns: Netns, { questions, plan }: Change): boolean {
  const all = questions.map((request) => ({ request, read: (answer: Outcome) => answer }));
  const made = transact(ns, { all }, (answers) => ({ requests: plan(answers.all), result: true }));
  return made ?? false;
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

/** True if one of the things asked for is there: that one is not, or is unknown here, makes no error. */
export function isOneThere(ns: Netns, ...questions: readonly Request[]): boolean {
  const tolerant = questions.map((question) => ({ ...question, tolerates: absences }));
  return unlessUnsupported(() => ns.netfilter.attempt(...tolerant), []).some(
    (answer) => isThere(answer) && answer.bodies.length > 0,
  );
}

const absences = [ENOENT, EINVAL, EOPNOTSUPP];

function isUnsupported(cause: unknown): boolean {
  const hasNoSocket = cause instanceof SystemError && cause.errno === EPROTONOSUPPORT;
  return hasNoSocket || isRefusal(cause, EINVAL, EOPNOTSUPP);
}

/** A list; none if what it is a list of does not exist. */
export function listOrNone<T>(list: () => readonly T[]): readonly T[] {
  try {
    return list();
  } catch (cause) {
    if (isRefusal(cause, ENOENT)) return [];
    throw cause;
  }
}
