/**
 * What drops forwarded packets on this host unless a rule accepts them: base chains of nf_tables,
 * whoever made them, and the tables of the older iptables.
 */

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
  /** `chain "FORWARD" of table "ip filter"` */
  readonly what: string;
  /** True if it has no rules, so that nothing can pass. */
  readonly isEmpty: boolean;
  /** True if the firewall plugin speaks to it. */
  readonly isKnown: boolean;
}

const families: { readonly [family: number]: string } = {
  [NFPROTO_INET]: "inet",
  [NFPROTO_IPV4]: "ip",
  [NFPROTO_IPV6]: "ip6",
};

/** All that drop forwarded packets by default. */
export function findDroppers(host: Netns): readonly Dropper[] {
  const isByFirewalld = hasFirewalldRules(host);
  const firewalld = { what: "firewalld", isEmpty: false, isKnown: true };
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
      family in families && hook === NF_INET_FORWARD && type === "filter" && policy === NF_DROP,
  );
}

function dropperOf({ family, table, name, use }: FoundChain): Dropper {
  const isKnown = family !== NFPROTO_INET && table === "filter" && name === "FORWARD";
  const what = `chain "${name}" of table "${families[family]} ${table}"`;
  return { what, isEmpty: use === 0, isKnown };
}

function legacyDroppers(host: Netns): readonly Dropper[] {
  return ([4, 6] as const).flatMap((of) => {
    if (!hasLegacyTable(host, of, "filter")) return [];
    if (!findLegacyFilter(host, of, "CNI-ADMIN").isRestricted) return [];
    const program = of === 4 ? "iptables-legacy" : "ip6tables-legacy";
    return [{ what: `chain "FORWARD" of ${program}`, isEmpty: false, isKnown: true }];
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
