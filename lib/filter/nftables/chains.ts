/** Chains of nf_tables together with all of their rules: asked for, and made. */

import type { Netns } from "../../net/netns.ts";
import { decodeReply } from "../../netlink/connection.ts";
import type { Request } from "../../netlink/message.ts";
import {
  delRule,
  getChain,
  type NftChain,
  newChain,
  newRule,
  newTable,
} from "../../netlink/nft-request.ts";
import { chainMessage } from "../../netlink/nftables.ts";
import type { Rule } from "../nft-rules.ts";
import { type Question, transact, whereThere } from "../nft-transaction.ts";

/** A chain, and all of its rules in order. */
export interface ChainWithRules {
  readonly chain: NftChain;
  readonly rules: readonly Rule[];
}

/** Makes a chain that is not there, and its table; false if the kernel has no nf_tables. */
export function ensureChain(ns: Netns, wanted: ChainWithRules): boolean {
  const isDone = transact(ns, { missing: [ifMissing(wanted)] }, ({ missing: [missing] }) => ({
    requests: missing ? [newTable(wanted.chain.table), ...newChainWith(wanted)] : [],
    result: true,
  }));
  return isDone ?? false;
}

/** Asks whether a chain with its rules is missing: the answer is the chain, or undefined. */
export function ifMissing(wanted: ChainWithRules): Question<ChainWithRules | undefined> {
  return usedAs(wanted.chain, (use) => (use < wanted.rules.length ? wanted : undefined));
}

/** Asks how many things use a chain: its rules, and the rules and elements that lead to it. */
export function usesOf(chain: NftChain): Question<number> {
  return usedAs(chain, (use) => use);
}

function usedAs<T>(chain: NftChain, say: (use: number) => T): Question<T> {
  return whereThere(
    getChain(chain),
    (answer) => say(decodeReply(answer, chainMessage).attributes?.use ?? 0),
    say(0),
  );
}

/** Makes a chain, or sets right what is there, with these rules and no others. */
export function newChainWith({ chain, rules }: ChainWithRules): readonly Request[] {
  return [newChain(chain), delRule(chain), ...rules.map((rule) => newRule(chain, rule))];
}
