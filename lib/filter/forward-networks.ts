/**
 * Forwarding of a network that many hosts share: what comes from it and what goes to it passes
 * also where this host's own rules drop what they do not know. Which rules that needs is decided
 * as for single attachments (lib/filter/forward.ts); they belong to the host, as the device does.
 */

import { lazily } from "../host/lazy.ts";
import { family } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import type { Netns } from "../net/netns.ts";
import { hasFirewalldRules, restrictedFlavours } from "./forward-path.ts";
import type { Flavour } from "./iptables/iptables.ts";

type Rules = typeof import("./iptables/forward-networks.lazy.ts");

const rules = () => lazily<Rules>("forward-networks");

/** A network by its name and its subnets, one of each family at most. */
export interface Network {
  readonly name: string;
  readonly networks: readonly Cidr[];
}

/** A subnet, and tables of iptables that would drop what comes from it or goes to it. */
export interface Closed {
  readonly subnet: Cidr;
  readonly flavour: Flavour;
}

function closedFor(host: Netns, { networks }: Network): readonly Closed[] {
  return networks.flatMap((subnet) =>
    restrictedFlavours(host, family(subnet.address)).map((flavour) => ({ subnet, flavour })),
  );
}

/**
 * Lets packets of a network pass; nothing is done where they pass anyway. What hinders that is
 * returned in words rather than thrown, since packets within this host do not depend on it.
 */
export function ensureNetwork(
  host: Netns,
  network: Network,
  tell: ((what: string) => void) | undefined,
): string | undefined {
  const closed = closedFor(host, network);
  const isFirewalld = hasFirewalldRules(host);
  if (closed.length === 0 && !isFirewalld) return undefined;
  return rules().ensureNetwork(host, { ...network, closed, isFirewalld, tell });
}

/** What keeps packets of a network from passing, in words; nothing is changed. */
export function findNetworkFault(host: Netns, network: Network): string | undefined {
  const closed = closedFor(host, network);
  const isFirewalld = hasFirewalldRules(host);
  if (closed.length === 0 && !isFirewalld) return undefined;
  return rules().findNetworkFault(host, { ...network, closed, isFirewalld });
}

/** Takes back what lets packets of a network pass; nothing is fine. */
export function deleteNetwork(host: Netns, network: Network): void {
  rules().deleteNetwork(host, network, hasFirewalldRules(host));
}
