/** Rules that others made in nf_tables, known by what they compare and where they lead to. */

import { equalAddresses } from "../../ip/address.ts";
import type { Netns } from "../../net/netns.ts";
import type { Request } from "../../netlink/message.ts";
import { comparedValues, jumpTarget } from "../../netlink/nft-expression.ts";
import { delRule, type NftChain } from "../../netlink/nft-request.ts";
import { type FoundRule, listChainRules } from "../nft-rules.ts";

/** The chain that a rule jumps to; undefined if to none. */
export function targetOf({ expressions }: FoundRule): string | undefined {
  return expressions.map(jumpTarget).find((name) => name !== undefined);
}

/** True if one of the rules jumps to a chain. */
export function leadTo(rules: readonly FoundRule[], chain: string): boolean {
  return rules.some((rule) => targetOf(rule) === chain);
}

/** True if a rule is for this address, or MAC. */
export function compares({ expressions }: FoundRule, value: Uint8Array): boolean {
  return comparedValues(expressions).some((other) => equalAddresses(other, value));
}

/** What deletes those rules of a chain that are meant; nothing if there is no such chain. */
export function deletionsIn(
  ns: Netns,
  chain: NftChain,
  isMeant: (rule: FoundRule) => boolean,
): readonly Request[] {
  const rules = listChainRules(ns, chain).filter(isMeant);
  return rules.map(({ handle }) => delRule(chain, handle));
}
