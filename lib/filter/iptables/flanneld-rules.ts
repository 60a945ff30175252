/**
 * What flanneld leaves in iptables when it ends, and takes back never: a chain in the nat table and
 * one in the filter table, with jumps to them. In nf_tables they go without running a program.
 */

import type { Family } from "../../ip/address.ts";
import type { Netns } from "../../net/netns.ts";
import { hasLegacyTable } from "../legacy-tables.ts";
import { removeRuleChain } from "../reference/jumped-chain.ts";
import { findTable, lockTables } from "./iptables.ts";
import { masqueradeChain, removeChain } from "./network-masquerade.ts";

interface Place {
  readonly table: "nat" | "filter";
  readonly chain: string;
  readonly from: string;
}

/**
 * Takes away what is there of a network; each in words. `keepsMasquerade`: the chain in the nat
 * table of the older iptables is ours.
 */
export function removeFlanneldRules(
  host: Netns,
  name: string,
  keepsMasquerade: boolean,
): readonly string[] {
  const masquerade = { table: "nat", chain: masqueradeChain(name), from: "POSTROUTING" } as const;
  const chain = masqueradeChain(name).replace("-POSTRTG", "-FWD");
  const forward = { table: "filter", chain, from: "FORWARD" } as const;
  const removed: string[] = [];
  for (const of of [4, 6] as const) {
    for (const place of [masquerade, forward]) {
      const isInNft = removeRuleChain(host, of, place);
      const isOurs = keepsMasquerade && place === masquerade;
      const isInLegacy = !isOurs && removeLegacy(host, of, place);
      if (isInNft || isInLegacy) removed.push(`chain "${place.chain}" of ${program(of)}`);
    }
  }
  return removed;
}

function program(of: Family): string {
  return of === 4 ? "iptables" : "ip6tables";
}

function removeLegacy(host: Netns, of: Family, { table, chain, from }: Place): boolean {
  if (!hasLegacyTable(host, of, table)) return false;
  const found = findTable(host, table, { family: of, flavour: "legacy" });
  return found !== undefined && lockTables(() => removeChain(found, chain, from));
}
