/**
 * What else decides over forwarded packets: an accept in one table never overrides a drop in
 * another, so where somebody else drops by default, ours has to be said in that one's own rules.
 */

import { lazily } from "../host/lazy.ts";
import type { Family } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";
import { decodeReply, type Outcome } from "../netlink/connection.ts";
import { NF_DROP, NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6 } from "../netlink/nft-expression.ts";
import { getChain, getTable, type NftTable } from "../netlink/nft-request.ts";
import { chainMessage } from "../netlink/nftables.ts";
import { chosenFlavour, type Flavour } from "./iptables/iptables.ts";
import { isThere, unlessUnsupported } from "./nftables/tables.ts";
import { hasLegacyTable } from "./reference/tables.ts";

type Iptables = typeof import("./iptables/forward-iptables.lazy.ts");

const filterTables: { readonly [F in Family]: NftTable } = {
  4: { family: NFPROTO_IPV4, name: "filter" },
  6: { family: NFPROTO_IPV6, name: "filter" },
};

/** The chains of which Docker and ufw are known, whatever the policy is just now. */
const strangers = ["DOCKER-USER", "ufw-before-forward", "ufw6-before-forward"];

type Known = Exclude<Flavour, "default">;

/** Where iptables decides over the forwarded packets of a family. */
export interface Filters {
  /** Where FORWARD drops by default, or belongs to Docker or ufw. */
  readonly restricted: readonly Known[];
  /** Where the administrator has a chain. */
  readonly asked: readonly Known[];
}

/** Looks at the rules of iptables, of either flavour, for a family and the administrator's chain. */
export function findFilters(host: Netns, of: Family, adminChain: string): Filters {
  const [forward, admin, ...others] = chainsIn(host, of, ["FORWARD", adminChain, ...strangers]);
  const legacy = hasLegacyTable(host, of, "filter")
    ? lazily<Iptables>("forward-iptables").findLegacyFilter(host, of, adminChain)
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

/** The filter tables there are of a family. */
export function filterFlavours(host: Netns, of: Family): readonly Known[] {
  return flavoursWith(host, of, "FORWARD");
}

function chainsIn(host: Netns, of: Family, names: readonly string[]): readonly Outcome[] {
  const questions = names.map((name) => getChain({ table: filterTables[of], name }));
  return unlessUnsupported(() => host.netfilter.attempt(...questions), []);
}

function isDropping(answer: Outcome | undefined): boolean {
  if (!isThere(answer)) return false;
  return decodeReply(answer, chainMessage).attributes?.policy === NF_DROP;
}

/** True if iptables may have rules of ours, or of the reference plugin. */
export function hasForwardChain(host: Netns, of: Family): boolean {
  return forwardFlavours(host, of).length > 0;
}

/** Where iptables may have rules of ours, or of the reference plugin. */
export function forwardFlavours(host: Netns, of: Family): readonly Known[] {
  return flavoursWith(host, of, "CNI-FORWARD");
}

/** A chain of nf_tables can be asked for; the older tables, without a question, may have it. */
function flavoursWith(host: Netns, of: Family, chain: string): readonly Known[] {
  const isInNft = isThere(chainsIn(host, of, [chain])[0]);
  const isInLegacy = hasLegacyTable(host, of, "filter");
  return [...(isInNft ? (["nft"] as const) : []), ...(isInLegacy ? (["legacy"] as const) : [])];
}

/** Where rules of iptables belong, if nothing says that they have to be elsewhere. */
export function usualFlavour(host: Netns, of: Family): Known {
  const isLegacy = hasLegacyTable(host, of, "filter");
  return isLegacy && !isThere(chainsIn(host, of, ["FORWARD"])[0]) ? "legacy" : chosenFlavour(of);
}

/** True if there are rules as firewalld makes them: it may be running. */
export function hasFirewalldRules(host: Netns): boolean {
  const table = getTable({ family: NFPROTO_INET, name: "firewalld" });
  const answers = unlessUnsupported(() => host.netfilter.attempt(table), []);
  return [...answers, ...chainsIn(host, 4, ["FORWARD_direct"])].some(isThere);
}
