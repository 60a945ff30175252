/**
 * How nf_tables are asked and changed: what a change is decided by must not have changed meanwhile,
 * and there may be no nf_tables at all.
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
import { batch, getGeneration } from "../netlink/nft-request.ts";
import { generationMessage } from "../netlink/nftables.ts";

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

/** A list; none if what it is a list of does not exist. */
export function listOrNone<T>(list: () => readonly T[]): readonly T[] {
  try {
    return list();
  } catch (cause) {
    if (isRefusal(cause, ENOENT)) return [];
    throw cause;
  }
}
