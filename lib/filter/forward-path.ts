/**
 * What else decides over forwarded packets: an accept in one table never overrides a drop in
 * another, so where somebody else drops by default, ours has to be said in that one's own rules.
 */

import type { Family } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";
import { decodeReply, type Outcome } from "../netlink/connection.ts";
import { NF_DROP, NFPROTO_INET } from "../netlink/nft-expression.ts";
import { getTable } from "../netlink/nft-request.ts";
import { chainMessage } from "../netlink/nftables.ts";
import { filterChains, type Known } from "./iptables/flavours.ts";
import { findLegacyFilter } from "./iptables/forward-iptables.ts";
import { hasLegacyTable } from "./legacy-tables.ts";
import { isThere, unlessUnsupported } from "./nft-transaction.ts";

/** The chains of which Docker and ufw are known, whatever the policy is just now. */
const othersChains = ["DOCKER-USER", "ufw-before-forward", "ufw6-before-forward"];

/** Where iptables decides over the forwarded packets of a family. */
export interface Filters {
  /** Where FORWARD drops by default, or belongs to Docker or ufw. */
  readonly restricted: readonly Known[];
  /** Where the administrator has a chain. */
  readonly asked: readonly Known[];
}

/** Looks at the rules of iptables, of either flavour, for a family and the administrator's chain. */
export function findFilters(host: Netns, of: Family, adminChain: string): Filters {
  const [forward, admin, ...others] = filterChains(host, of, [
    "FORWARD",
    adminChain,
    ...othersChains,
  ]);
  const legacy = hasLegacyTable(host, of, "filter")
    ? findLegacyFilter(host, of, adminChain)
    : { isRestricted: false, isAsked: false };
  const isRestricted = isDropping(forward) || others.some(isThere);
  const flavours = (nft: boolean, older: boolean): readonly Known[] => [
    ...(nft ? (["nft"] as const) : []),
    ...(older ? (["legacy"] as const) : []),
  ];
  return {
    restricted: flavours(isRestricted, legacy.isRestricted),
    asked: flavours(isThere(admin), legacy.isAsked),
  };
}

/** The filter tables of a family that would drop what nobody speaks for. */
export function restrictedFlavours(host: Netns, of: Family): readonly Known[] {
  return findFilters(host, of, "CNI-ADMIN").restricted;
}

function isDropping(answer: Outcome | undefined): boolean {
  if (!isThere(answer)) return false;
  return decodeReply(answer, chainMessage).attributes?.policy === NF_DROP;
}

/** True if there are rules as firewalld makes them: it may be running. */
export function hasFirewalldRules(host: Netns): boolean {
  const table = getTable({ family: NFPROTO_INET, name: "firewalld" });
  const answers = unlessUnsupported(() => host.netfilter.attempt(table), []);
  return [...answers, ...filterChains(host, 4, ["FORWARD_direct"])].some(isThere);
}
