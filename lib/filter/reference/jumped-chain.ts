/** A chain of iptables in nf_tables with the jumps to it, taken away without running a program. */

import type { Family } from "../../ip/address.ts";
import type { Netns } from "../../net/netns.ts";
import { NFPROTO_IPV4, NFPROTO_IPV6 } from "../../netlink/nft-expression.ts";
import { delChain, delRule, getChain } from "../../netlink/nft-request.ts";
import { changeTables, isThere } from "../nft-transaction.ts";
import { deletionsIn, targetOf } from "./found-rules.ts";

/** A chain, and the one from which a rule jumps to it. */
export interface JumpedChain {
  readonly table: string;
  readonly chain: string;
  readonly from: string;
}

/** Deletes both; true if the chain was there. */
export function removeRuleChain(ns: Netns, of: Family, place: JumpedChain): boolean {
  const table = { family: of === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6, name: place.table };
  const chain = { table, name: place.chain };
  let isFound = false;
  changeTables(ns, {
    questions: [getChain(chain)],
    plan: ([answer]) => {
      isFound = isThere(answer);
      if (!isFound) return [];
      const isJump = (rule: Parameters<typeof targetOf>[0]) => targetOf(rule) === place.chain;
      const jumps = deletionsIn(ns, { table, name: place.from }, isJump);
      return [...jumps, delRule(chain), delChain(chain)];
    },
  });
  return isFound;
}
