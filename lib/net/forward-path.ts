/**
 * What else decides over forwarded packets: an accept in one table never overrides a drop in
 * another, so where somebody else drops by default, ours has to be said in that one's own rules.
 */

import { lazily } from "../host/lazy.ts";
import type { Family } from "../ip/address.ts";
import { decodeReply, type Outcome } from "../netlink/connection.ts";
import { NF_DROP, NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6 } from "../netlink/nft-expression.ts";
import { getChain, getTable, type NftTable } from "../netlink/nft-request.ts";
import { chainMessage } from "../netlink/nftables.ts";
import type { Flavour } from "./iptables.ts";
import type { Netns } from "./netns.ts";
import { unlessUnsupported } from "./nft.ts";
import { hasLegacyTable } from "./reference-tables.ts";

type Iptables = typeof import("./forward-iptables.lazy.ts");

const filterTables: { readonly [F in Family]: NftTable } = {
  4: { family: NFPROTO_IPV4, name: "filter" },
  6: { family: NFPROTO_IPV6, name: "filter" },
};

/** The chains of which Docker and ufw are known, whatever the policy is just now. */
const strangers = ["DOCKER-USER", "ufw-before-forward", "ufw6-before-forward"];

/** True if FORWARD of iptables drops by default, or belongs to Docker or ufw. */
export function isRestricted(host: Netns, of: Family): boolean {
  const [forward, ...others] = chainsIn(host, of, ["FORWARD", ...strangers]);
  if (isDropping(forward) || others.some(isThere)) return true;
  if (!hasLegacyTable(host, of, "filter")) return false;
  return lazily<Iptables>("forward-iptables").isLegacyRestricted(host, of);
}

function chainsIn(host: Netns, of: Family, names: readonly string[]): readonly Outcome[] {
  const questions = names.map((name) => getChain({ table: filterTables[of], name }));
  return unlessUnsupported(() => host.netfilter.attempt(...questions), []);
}

function isThere(answer: Outcome | undefined): boolean {
  return answer !== undefined && !answer.error;
}

function isDropping(answer: Outcome | undefined): boolean {
  if (!isThere(answer)) return false;
  return decodeReply(answer, chainMessage).attributes?.policy === NF_DROP;
}

/** True if iptables may have rules of ours, or of the reference plugin. */
export function hasForwardChain(host: Netns, of: Family): boolean {
  return isThere(chainsIn(host, of, ["CNI-FORWARD"])[0]) || hasLegacyTable(host, of, "filter");
}

/** Which programs the host's own rules are made with. */
export function filterFlavour(host: Netns, of: Family): Flavour {
  const isLegacy = hasLegacyTable(host, of, "filter");
  return isLegacy && !isThere(chainsIn(host, of, ["FORWARD"])[0]) ? "legacy" : "default";
}

/** True if there are rules as firewalld makes them: it may be running. */
export function hasFirewalldRules(host: Netns): boolean {
  const table = getTable({ family: NFPROTO_INET, name: "firewalld" });
  const answers = unlessUnsupported(() => host.netfilter.attempt(table), []);
  return [...answers, ...chainsIn(host, 4, ["FORWARD_direct"])].some(isThere);
}
