/** The chains that an attachment has for itself: their names tell whose they are, and how long. */

import { sha512Hex } from "../../net/digest.ts";
import { type Owner, ownerText } from "../../net/owner.ts";
import type { NftTable } from "../../netlink/nft-request.ts";
import type { Rule } from "../nft-rules.ts";
import type { ChainWithRules } from "./chains.ts";
import type { Leaves } from "./dispatcher.ts";

const DIGITS = 24;

/** A chain of an attachment: `egress-<hash of its names>-<number of rules>`. */
export function ownChain(owner: Owner, { table, what, rules }: OwnChain): ChainWithRules {
  const name = `${what}-${sha512Hex(ownerText(owner), DIGITS)}-${rules.length}`;
  return { chain: { table, name }, rules };
}

/** What such a chain is for, and what is in it. */
interface OwnChain {
  readonly table: NftTable;
  readonly what: string;
  readonly rules: readonly Rule[];
}

/** Such chains go with the last of their attachment's elements. */
export const ownLeaves: Leaves = {
  rulesIn: (chain) => Number(chain.slice(chain.lastIndexOf("-") + 1)),
  areKept: false,
  companionSets: [],
  companionsOf: () => [],
};
