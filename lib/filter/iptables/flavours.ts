/** Where iptables has rules for forwarded packets: in nf_tables, or in the older packet filter. */

import type { Family } from "../../ip/address.ts";
import type { Netns } from "../../net/netns.ts";
import type { Outcome } from "../../netlink/connection.ts";
import { NFPROTO_IPV4, NFPROTO_IPV6 } from "../../netlink/nft-expression.ts";
import { getChain, type NftTable } from "../../netlink/nft-request.ts";
import { hasLegacyTable } from "../legacy-tables.ts";
import { isThere, unlessUnsupported } from "../nft-transaction.ts";
import { chosenFlavour, type Flavour } from "./iptables.ts";

/** A flavour that is known, and not only what the host has chosen. */
export type Known = Exclude<Flavour, "default">;

const filterTables: { readonly [F in Family]: NftTable } = {
  4: { family: NFPROTO_IPV4, name: "filter" },
  6: { family: NFPROTO_IPV6, name: "filter" },
};

/** What nf_tables say of chains of the filter table that is named like that of iptables. */
export function filterChains(
  host: Netns,
  of: Family,
  names: readonly string[],
): readonly Outcome[] {
  const questions = names.map((name) => getChain({ table: filterTables[of], name }));
  return unlessUnsupported(() => host.netfilter.attempt(...questions), []);
}

/** The filter tables there are of a family. */
export function filterFlavours(host: Netns, of: Family): readonly Known[] {
  return flavoursWith(host, of, "FORWARD");
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
  const isInNft = isThere(filterChains(host, of, [chain])[0]);
  const isInLegacy = hasLegacyTable(host, of, "filter");
  return [...(isInNft ? (["nft"] as const) : []), ...(isInLegacy ? (["legacy"] as const) : [])];
}

/** Where rules of iptables belong, if nothing says that they have to be elsewhere. */
export function usualFlavour(host: Netns, of: Family): Known {
  const isLegacy = hasLegacyTable(host, of, "filter");
  return isLegacy && !isThere(filterChains(host, of, ["FORWARD"])[0])
    ? "legacy"
    : chosenFlavour(of);
}
