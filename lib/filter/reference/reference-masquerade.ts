/**
 * Masquerade that the reference plugins 1.x made for an attachment, or we by iptables: found by the
 * names that those compute, taken for what it is by CHECK, and taken away over netlink without
 * running a program. The packet filter older than nf_tables is not looked at here.
 *
 * nat-tables.ts has the rules of iptables. The reference's nftables backend has a table of its own,
 * `inet cni_plugins_masquerade`:
 *
 *   postrouting   jumps to masq_checks
 *   masq_checks   one rule for each address; its comment begins with two hashes, of the network,
 *                 and of interface and container
 */

import type { IpAddress } from "../../ip/address.ts";
import { collect, type Marked, type Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import type { Owner } from "../../net/owner.ts";
import { getChain, type NftChain } from "../../netlink/nft-request.ts";
import { listChainRules } from "../nft-rules.ts";
import { changeTables, isThere, unlessUnsupported } from "../nft-transaction.ts";
import { compares, deletionsIn, leadTo } from "./found-rules.ts";
import { attachmentPrefix, networkPrefix } from "./names.ts";
import { natChains, natDeletions, natShelf } from "./nat-tables.ts";
import { masqueradeTable as table } from "./tables.ts";

const hook: NftChain = { table, name: "postrouting" };
const checks: NftChain = { table, name: "masq_checks" };

/** True if the reference's nftables backend masquerades all these addresses for an attachment. */
export function hasMasquerade(ns: Netns, owner: Owner, addresses: readonly IpAddress[]): boolean {
  const prefix = attachmentPrefix(owner);
  if (!leadTo(listChainRules(ns, hook), checks.name)) return false;
  const own = listChainRules(ns, checks).filter(({ comment }) => comment.startsWith(prefix));
  return addresses.every((address) => own.some((rule) => compares(rule, address)));
}

/**
 * Deletes the masquerade that was left for an attachment. iptables knows a container, but not its
 * interfaces: if addresses are given, only what is for them goes.
 */
export function deleteLeftovers(ns: Netns, owner: Owner, known: readonly IpAddress[] = []): void {
  const chains = natChains(owner);
  const prefix = attachmentPrefix(owner);
  changeTables(ns, {
    questions: chains.map(getChain),
    plan: (answers) => [
      ...deletionsIn(ns, checks, ({ comment }) => comment.startsWith(prefix)),
      ...chains
        .filter((_, i) => isThere(answers[i]))
        .flatMap((chain) => natDeletions(ns, chain, known)),
    ],
  });
}

/** Deletes the masquerade of a network's attachments but the valid ones. */
export function collectLeftovers(ns: Netns, network: string, valid: readonly Owner[]): void {
  for (const shelf of leftoverShelves(ns)) collect(shelf, network, valid);
}

/** The masquerade of all attachments, in each of the tables. */
export function leftoverShelves(ns: Netns): readonly Shelf[] {
  return [checksShelf(ns), natShelf(ns, 4), natShelf(ns, 6)];
}

/** A rule of the reference's own table: its mark are the two hashes. */
interface CheckRule extends Marked {
  readonly comment: string;
}

function checksShelf(ns: Netns): Shelf<CheckRule> {
  return {
    kind: "rule",
    list: (network) => listRules(ns).filter(({ mark }) => mark.startsWith(networkPrefix(network))),
    marksOf: (owner) => [attachmentPrefix(owner)],
    inWords: ({ comment }) => `rule "${comment}" in table inet ${table.name}`,
    remove: (rules) => {
      const marks = new Set(rules.map(({ mark }) => mark));
      const plan = () => deletionsIn(ns, checks, ({ comment }) => marks.has(markIn(comment)));
      changeTables(ns, { questions: [], plan });
    },
  };
}

function listRules(ns: Netns): readonly CheckRule[] {
  const rules = unlessUnsupported(() => listChainRules(ns, checks), []);
  return rules.map(({ comment }) => ({ mark: markIn(comment), comment }));
}

/** As `attachmentPrefix` makes it: twice 16 digits, with a hyphen between. */
function markIn(comment: string): string {
  return comment.slice(0, 33);
}
