/** Rules of nf_tables: read, and compared with what they are to be. */

import type { Netns } from "../net/netns.ts";
import type { Expression } from "../netlink/nft-layout.ts";
import { listRules, type NftChain } from "../netlink/nft-request.ts";
import { ruleMessage } from "../netlink/nftables.ts";
import { listOrNone } from "./nft-transaction.ts";

/** The rules of a chain, in order; none if there is no such chain. */
export function listChainRules(ns: Netns, chain: NftChain): readonly FoundRule[] {
  const found = listOrNone(() => ns.netfilter.dump(listRules(chain), ruleMessage));
  return found.flatMap(({ attributes }) => {
    const { handle = 0, notes, expressions = [] } = attributes ?? {};
    return attributes?.chain === chain.name
      ? [{ handle, comment: notes?.comment ?? "", expressions }]
      : [];
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
  if (!hasMembers(expected)) return found === expected;
  if (!hasMembers(found)) return false;
  return Object.keys(expected).every((key) => includes(found[key], expected[key]));
}

function hasMembers(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null;
}
