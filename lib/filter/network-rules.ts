/**
 * The rules of a whole network that many hosts share, as flannel has them: which packets get the
 * address of this host when they leave the network, and that forwarded ones pass.
 *
 * nf_tables have them where the kernel does, else iptables, and either in the places in which
 * flanneld has its own (lib/filter/nftables/network-masquerade.ts says which): who takes over from
 * the other finds and replaces them. What flanneld left elsewhere goes once these are in place.
 */

import { type Family, family } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import { NetError } from "../net/error.ts";
import type { Netns } from "../net/netns.ts";
import { deleteNetwork, ensureNetwork, findNetworkFault } from "./forward-networks.ts";
import * as leftovers from "./iptables/flanneld-rules.ts";
import { IptablesError } from "./iptables/iptables.ts";
import * as iptables from "./iptables/network-masquerade.ts";
import type { NetworkPart } from "./network-part.ts";
import { findGeneration } from "./nft-transaction.ts";
import * as nftables from "./nftables/network-masquerade.ts";

/** A network by its name and subnets, this host's part of it, and what is to be done with packets. */
export interface NetworkRules {
  readonly name: string;
  /** One of each family at most, in the same order. */
  readonly networks: readonly Cidr[];
  readonly subnets: readonly Cidr[];
  readonly isMasquerading: boolean;
  readonly isFullyRandom: boolean;
  readonly isForwarding: boolean;
}

/** Told each change in words. */
type Tell = ((what: string) => void) | undefined;

/**
 * Makes the rules right, each family's in one step, so that no packet finds a half of them. What
 * keeps it from that is returned, each in words, since packets within the network need none.
 */
export function ensureNetworkRules(
  host: Netns,
  rules: NetworkRules,
  tell: Tell,
): readonly string[] {
  const { isMasquerading, isForwarding } = rules;
  const masquerading = orFault(() => {
    if (isMasquerading) ensureMasquerade(host, rules, tell);
    else removeMasquerade(host, rules.name, tell);
    return undefined;
  });
  const forwarding = isForwarding
    ? ensureNetwork(host, rules, tell)
    : orFault(() => {
        deleteNetwork(host, rules);
        return undefined;
      });
  return [masquerading, forwarding].flatMap((fault) => fault ?? []);
}

function ensureMasquerade(host: Netns, rules: NetworkRules, tell: Tell): void {
  const byNftables = findGeneration(host) !== undefined;
  for (const of of [4, 6] as const) {
    const part = partOf(rules, of);
    const isChanged = byNftables
      ? nftables.ensureMasquerade(host, of, { rules, part })
      : iptables.ensureMasquerade(host, of, { rules, part });
    if (isChanged) tell?.(`masquerade what leaves network "${rules.name}" by IPv${of}`);
  }
}

function partOf({ networks, subnets }: NetworkRules, of: Family): NetworkPart | undefined {
  const isOf = ({ address }: Cidr) => family(address) === of;
  const [network, subnet] = [networks.find(isOf), subnets.find(isOf)];
  return network && subnet && { network, subnet };
}

/** What the rules lack, each in words; nothing is changed. */
export function findNetworkRulesFaults(host: Netns, rules: NetworkRules): readonly string[] {
  const { isMasquerading, isForwarding } = rules;
  const byNftables = findGeneration(host) !== undefined;
  const masquerading = ([4, 6] as const).map((of) => {
    const part = partOf(rules, of);
    if (!isMasquerading || !part) return undefined;
    return orFault(() =>
      byNftables
        ? nftables.findMasqueradeFault(host, of, { rules, part })
        : iptables.findMasqueradeFault(host, of, { rules, part }),
    );
  });
  const forwarding = isForwarding ? findNetworkFault(host, rules) : undefined;
  return [...masquerading, forwarding].flatMap((fault) => fault ?? []);
}

/** False if rules of nf_tables are missing, as far as one question for each family tells. */
export function seemToHaveNetworkRules(host: Netns, rules: NetworkRules): boolean {
  if (!rules.isMasquerading || findGeneration(host) === undefined) return true;
  return ([4, 6] as const).every(
    (of) => !partOf(rules, of) || nftables.seemsMasqueraded(host, of, rules.name),
  );
}

/** Takes away what flanneld left of such a network and these rules stand for: never before these. */
export function removeFlanneldRules(host: Netns, { name }: NetworkRules, tell: Tell): void {
  const isByIptables = findGeneration(host) === undefined;
  for (const what of leftovers.removeFlanneldRules(host, name, isByIptables)) {
    tell?.(`delete ${what} that flanneld left`);
  }
}

/** Takes the rules of a network away, wherever they are, with what flanneld left of it. */
export function removeNetworkRules(
  host: Netns,
  network: Pick<NetworkRules, "name" | "networks">,
  tell: Tell,
): void {
  removeMasquerade(host, network.name, tell);
  deleteNetwork(host, network);
  leftovers.removeFlanneldRules(host, network.name, false);
}

function removeMasquerade(host: Netns, name: string, tell: Tell): void {
  const isThere = nftables.removeMasquerade(host, name) || iptables.removeMasquerade(host, name);
  if (isThere) tell?.(`end the masquerade of network "${name}"`);
}

/** What a body returns, or what kept it from its end, in words. */
function orFault(body: () => string | undefined): string | undefined {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof NetError || cause instanceof IptablesError) return cause.message;
    throw cause;
  }
}
