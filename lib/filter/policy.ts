/**
 * Policies of attachments: which connections a container may have, enforced on the host, where its
 * packets pass. A packet that nothing judges is never let through for that: a container whose packets
 * do not pass the host's rules has no policy, and the attempt is refused.
 */

import { type Family, family } from "../ip/address.ts";
import { collect } from "../net/inventory.ts";
import { findLinks, type Link } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import type { Owner } from "../net/owner.ts";
import { chooseJudge, findPassingFault, hasBridgeFilter } from "./bridged-packets.ts";
import { findJunction, type Whereabouts } from "./forward-ports.ts";
import { findGeneration } from "./nft-transaction.ts";
import * as connections from "./nftables/policy.ts";
import * as frames from "./nftables/policy-frames.ts";
import { cutForbidden } from "./policy-connections.ts";
import type { BridgeJudge, Enforced, PolicyPlace } from "./policy-wanted.ts";

/** Where the packets of a container pass: ports of a bridge, or a link that leads to it alone. */
export function findPolicyPlace(host: Netns, whereabouts: Whereabouts): PolicyPlace | undefined {
  const junction = findJunction(host, whereabouts);
  const names = ({ name }: Pick<Link, "name">) => name;
  if (junction) {
    const { bridge, ports } = junction;
    return ports.length > 0 ? { bridge, links: ports.map(names) } : undefined;
  }
  const found = whereabouts.links.length > 0 ? findLinks(host, ...whereabouts.links) : [];
  const ends = found.flatMap((link) => (link?.kind === "veth" && link.master === 0 ? [link] : []));
  return ends.length > 0 ? { bridge: undefined, links: ends.map(names) } : undefined;
}

/**
 * Enforces a policy. Throws NetError: conflict if another attachment that lives has one of the
 * addresses, unsupported where no rules judge packets of the bridge.
 */
export function addPolicy(host: Netns, enforced: Enforced): void {
  const { bridge } = enforced.place;
  const judge = bridge === undefined ? "ip" : chooseJudge(host, bridge, familiesOf(enforced));
  connections.addPolicy(host, enforced);
  frames.addFrameRules(host, enforced, judge);
  cutForbidden(host, enforced);
}

function familiesOf({ addresses }: Enforced): readonly Family[] {
  return Array.from(new Set(addresses.map(family)));
}

/** Ends the policy of an attachment; none is fine. */
export function deletePolicy(host: Netns, owner: Owner, known: connections.Known): void {
  connections.deletePolicy(host, owner, known);
  frames.deleteFrameRules(host, owner, known.links);
}

/** Ends what an attachment with a policy has at former addresses and links. */
export function deleteFormerPolicy(host: Netns, enforced: Enforced): void {
  connections.deleteFormer(host, enforced);
  frames.deleteFormerFrames(host, enforced);
}

/** What a policy lacks, in words; undefined if it is enforced. */
export function findPolicyFault(host: Netns, enforced: Enforced): string | undefined {
  return connections.findPolicyFault(host, enforced) ?? findBridgeFault(host, enforced);
}

/** If br_netfilter came later, rules for bridges still judge. */
function findBridgeFault(host: Netns, enforced: Enforced): string | undefined {
  const { policy, place } = enforced;
  const { bridge } = place;
  const fault = (judge: BridgeJudge) => frames.findFrameFault(host, enforced, judge);
  if (bridge === undefined) return fault("ip");
  if (!hasBridgeFilter(host)) return fault("bridge");
  const byIp = findPassingFault(host, bridge, familiesOf(enforced)) ?? fault("ip");
  const hasLists = policy.ingress !== undefined || policy.egress !== undefined;
  return hasLists && fault("bridge") === undefined ? undefined : byIp;
}

/** What is left of the policy of an attachment that has none any more, in words. */
export function findPolicyLeft(
  host: Netns,
  owner: Owner,
  known: connections.Known,
): string | undefined {
  return (
    connections.findPolicyLeft(host, owner, known) ?? frames.findFrameLeft(host, owner, known.links)
  );
}

/** What keeps policies from being enforced on this host at all, in words. */
export function findMissingTables(host: Netns): string | undefined {
  return findGeneration(host) === undefined ? "the kernel has no nf_tables" : undefined;
}

/** Ends the policies of all attachments of a network but the valid ones. */
export function collectPolicies(host: Netns, network: string, valid: readonly Owner[]): void {
  for (const shelf of [connections.policyShelf(host), frames.frameShelf(host)]) {
    collect(shelf, network, valid);
  }
}
