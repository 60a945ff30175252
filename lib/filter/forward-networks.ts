/**
 * Forwarding of a network that many hosts share: what comes from it and what goes to it passes
 * also where this host's own rules drop what they do not know: in iptables, and in firewalld, where
 * a subnet is a source of zone "trusted". The rules belong to the host, as the device does.
 */

import { lazily } from "../host/lazy.ts";
import { family } from "../ip/address.ts";
import { type Cidr, formatCidr } from "../ip/cidr.ts";
import { NetError } from "../net/error.ts";
import type { Netns } from "../net/netns.ts";
import { hasFirewalldRules, restrictedFlavours } from "./forward-path.ts";
import type { Closed } from "./iptables/forward-networks.lazy.ts";
import { IptablesError } from "./iptables/iptables.ts";

type Rules = typeof import("./iptables/forward-networks.lazy.ts");
type Firewalld = typeof import("./firewalld.lazy.ts");

const ZONE = "trusted";

const rules = () => lazily<Rules>("forward-networks");
const firewalld = () => lazily<Firewalld>("firewalld");

/** A network by its name and its subnets, one of each family at most. */
export interface Network {
  readonly name: string;
  readonly networks: readonly Cidr[];
}

/**
 * Lets packets of a network pass; nothing is done where they pass anyway. What hinders that is
 * returned in words rather than thrown, since packets within this host do not depend on it.
 */
export function ensureNetwork(
  host: Netns,
  { name, networks }: Network,
  tell: ((what: string) => void) | undefined,
): string | undefined {
  const closed = closedFor(host, networks);
  const isFirewalld = hasFirewalldRules(host);
  return obstacle(() => {
    for (const each of closed) {
      if (!rules().ensureRules(host, name, each)) continue;
      tell?.(`accept forwarded packets from and to ${formatCidr(each.subnet)}`);
    }
    if (!isFirewalld || !findSourceFault(networks)) return undefined;
    firewalld().addSources(ZONE, networks);
    tell?.(`add ${networks.map(formatCidr).join(", ")} to zone "${ZONE}" of firewalld`);
    return undefined;
  });
}

function closedFor(host: Netns, networks: readonly Cidr[]): readonly Closed[] {
  return networks.flatMap((subnet) =>
    restrictedFlavours(host, family(subnet.address)).map((flavour) => ({ subnet, flavour })),
  );
}

/** What a body returns, or what kept it from its end, in words. */
function obstacle(body: () => string | undefined): string | undefined {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof NetError || cause instanceof IptablesError) return cause.message;
    throw cause;
  }
}

/** What the zone lacks, in words; undefined if nothing, or if firewalld does not run. */
function findSourceFault(networks: readonly Cidr[]): string | undefined {
  if (firewalld().firewalldFault() !== undefined) return undefined;
  return firewalld().findSourceFault(ZONE, networks);
}

/** What keeps packets of a network from passing, in words; nothing is changed. */
export function findNetworkFault(host: Netns, { name, networks }: Network): string | undefined {
  const closed = closedFor(host, networks);
  const isFirewalld = hasFirewalldRules(host);
  return obstacle(() => {
    for (const each of closed) {
      const fault = rules().findRuleFault(host, name, each);
      if (fault !== undefined) return fault;
    }
    return isFirewalld ? findSourceFault(networks) : undefined;
  });
}

/** Takes back what lets packets of a network pass; nothing is fine. */
export function deleteNetwork(host: Netns, { name, networks }: Network): void {
  rules().deleteRules(host, name);
  deleteNetworkSources(host, networks);
}

/** Takes subnets out of firewalld's zone, without firewalld none. */
export function deleteNetworkSources(host: Netns, networks: readonly Cidr[]): void {
  if (hasFirewalldRules(host)) firewalld().deleteSources(ZONE, networks);
}
