/**
 * Masquerade by iptables, the reference's and our own, where that is a front end of nf_tables, in
 * tables `ip nat` and `ip6 nat`:
 *
 *   POSTROUTING   for each address a jump to CNI-…; its comment names network and container
 *   CNI-…         one for each container in a network, whichever of its interfaces is meant
 */

import type { Family, IpAddress } from "../../ip/address.ts";
import type { Marked, Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import { type Owner, quotedNetwork } from "../../net/owner.ts";
import type { Request } from "../../netlink/message.ts";
import { iptablesComment } from "../../netlink/nft-expression.ts";
import { delChain, delRule, type NftChain, type NftTable } from "../../netlink/nft-request.ts";
import { type FoundRule, listChainRules } from "../nft-rules.ts";
import { changeTables, unlessUnsupported } from "../nft-transaction.ts";
import { compares, targetOf } from "./found-rules.ts";
import { chainName, isChainName } from "./names.ts";
import { natTables } from "./tables.ts";

/** The chains that an attachment's container may have, one in each table. */
export function natChains(owner: Owner): readonly NftChain[] {
  const name = chainName(owner);
  return [natTables[4], natTables[6]].map((table) => ({ table, name }));
}

/** What deletes the jumps for the known addresses, or all; with the last of them goes the chain. */
export function natDeletions(
  ns: Netns,
  chain: NftChain,
  known: readonly IpAddress[],
): readonly Request[] {
  const from = postrouting(chain.table);
  const jumps = listChainRules(ns, from).filter((rule) => targetOf(rule) === chain.name);
  const isKnown = (rule: FoundRule) => known.some((address) => compares(rule, address));
  const own = known.length === 0 ? jumps : jumps.filter(isKnown);
  const isLast = own.length === jumps.length;
  return [...own.map(({ handle }) => delRule(from, handle)), ...(isLast ? [delChain(chain)] : [])];
}

function postrouting(table: NftTable): NftChain {
  return { table, name: "POSTROUTING" };
}

/** The chains of all containers in one of the tables: a chain's mark is its name. */
export function natShelf(ns: Netns, of: Family): Shelf {
  const table = natTables[of];
  return {
    kind: "rule",
    list: (network) => listChains(ns, table, network),
    marksOf: (owner) => [chainName(owner)],
    inWords: ({ mark }) => `chain ${mark} in table ${of === 4 ? "ip" : "ip6"} nat`,
    remove: (chains) => {
      const names = new Set(chains.map(({ mark }) => mark));
      changeTables(ns, { questions: [], plan: () => chainDeletions(ns, table, names) });
    },
  };
}

/** A chain is known by the jumps to it, since only these name the network. */
function listChains(ns: Netns, table: NftTable, network: string): readonly Marked[] {
  const names = quotedNetwork(network);
  const rules = unlessUnsupported(() => listChainRules(ns, postrouting(table)), []);
  const jumps = rules.filter(({ expressions }) => {
    const comment = iptablesComment(expressions);
    return names.some((name) => comment.startsWith(name));
  });
  const chains = jumps.map((rule) => targetOf(rule) ?? "").filter(isChainName);
  return Array.from(new Set(chains), (mark) => ({ mark }));
}

/** What deletes chains, and the jumps to them; those that are gone meanwhile are left out. */
function chainDeletions(
  ns: Netns,
  table: NftTable,
  names: ReadonlySet<string>,
): readonly Request[] {
  const jumps = listChainRules(ns, postrouting(table)).flatMap((rule) => {
    const name = targetOf(rule) ?? "";
    return names.has(name) ? [{ name, handle: rule.handle }] : [];
  });
  return [
    ...jumps.map(({ handle }) => delRule(postrouting(table), handle)),
    ...Array.from(new Set(jumps.map(({ name }) => name)), (name) => delChain({ table, name })),
  ];
}
