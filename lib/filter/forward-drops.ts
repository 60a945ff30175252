/**
 * What drops forwarded packets on this host unless a rule accepts them: base chains of nf_tables,
 * whoever made them, and the tables of the older iptables.
 */

import type { Family } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";
import { type FoundChain, listChains } from "../netlink/nft-chains.ts";
import { NF_DROP, NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6 } from "../netlink/nft-expression.ts";
import { NF_INET_FORWARD } from "../netlink/nft-request.ts";
import { hasFirewalldRules } from "./forward-path.ts";
import { findLegacyFilter } from "./iptables/forward-iptables.ts";
import { hasLegacyTable } from "./legacy-tables.ts";
import { listOrNone, unlessUnsupported } from "./nft-transaction.ts";

/** One who drops. */
export interface Dropper {
  /** Of which families it sees packets. */
  readonly of: readonly Family[];
  /** `chain "FORWARD" of table "ip filter"` */
  readonly what: string;
  /** True if it has no rules, so that nothing can pass. */
  readonly isEmpty: boolean;
  /** True if the firewall plugin speaks to it. */
  readonly isKnown: boolean;
}

/** The families of tables in which there are chains for forwarded packets. */
const tables: {
  readonly [family: number]: { readonly name: string; readonly of: readonly Family[] };
} = {
  [NFPROTO_INET]: { name: "inet", of: [4, 6] },
  [NFPROTO_IPV4]: { name: "ip", of: [4] },
  [NFPROTO_IPV6]: { name: "ip6", of: [6] },
};

/** All that drop forwarded packets by default. */
export function findDroppers(host: Netns): readonly Dropper[] {
  const isByFirewalld = hasFirewalldRules(host);
  const firewalld = { of: [4, 6] as const, what: "firewalld", isEmpty: false, isKnown: true };
  return [
    ...droppingChains(host).map(dropperOf),
    ...legacyDroppers(host),
    ...(isByFirewalld ? [firewalld] : []),
  ];
}

function droppingChains(host: Netns): readonly FoundChain[] {
  const chains = unlessUnsupported(() => listOrNone(() => listChains(host.netfilter)), []);
  return chains.filter(
    ({ family, hook, type, policy }) =>
      family in tables && hook === NF_INET_FORWARD && type === "filter" && policy === NF_DROP,
  );
}

function dropperOf({ family, table, name, use }: FoundChain): Dropper {
  const isKnown = family !== NFPROTO_INET && table === "filter" && name === "FORWARD";
  const { name: prefix = "", of = [] } = tables[family] ?? {};
  const what = `chain "${name}" of table "${prefix} ${table}"`;
  return { of, what, isEmpty: use === 0, isKnown };
}

function legacyDroppers(host: Netns): readonly Dropper[] {
  return ([4, 6] as const).flatMap((of) => {
    if (!hasLegacyTable(host, of, "filter")) return [];
    if (!findLegacyFilter(host, of, "CNI-ADMIN").isRestricted) return [];
    const program = of === 4 ? "iptables-legacy" : "ip6tables-legacy";
    return [{ of: [of], what: `chain "FORWARD" of ${program}`, isEmpty: false, isKnown: true }];
  });
}

/** True if both kinds of iptables have tables, of which each hides its rules from the other. */
export function hasBothIptables(host: Netns): boolean {
  const chains = unlessUnsupported(() => listOrNone(() => listChains(host.netfilter)), []);
  const isOfIptables = ({ family, table, name }: FoundChain) =>
    family !== NFPROTO_INET &&
    ((table === "filter" && name === "FORWARD") || (table === "nat" && name === "POSTROUTING"));
  const hasLegacy = ([4, 6] as const).some((of) =>
    (["nat", "filter"] as const).some((table) => hasLegacyTable(host, of, table)),
  );
  return hasLegacy && chains.some(isOfIptables);
}
