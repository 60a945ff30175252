/** What the agent says of network policies, put together from its parts. */

import { readDrops } from "../../lib/filter/cluster-policy.ts";
import type { Clock } from "../../lib/host/clock.ts";
import { wallTime } from "../../lib/host/clock.ts";
import { formatAddress } from "../../lib/ip/address.ts";
import type { Netns } from "../../lib/net/netns.ts";
import type { PolicyDrops, PolicyHealth } from "../health.ts";
import type { Enforcer } from "./enforcer.ts";
import type { Followed } from "./followed.ts";
import type { NetworkPolicies } from "./network-policies.ts";
import { fullName } from "./policy.ts";
import type { ToldPods } from "./told-pods.ts";

/** What is known. */
export interface PolicyParts {
  readonly policies: NetworkPolicies;
  readonly followed: Followed;
  readonly told: ToldPods;
  readonly clock: Clock;
}

/** All that there is to say; `enforced` is undefined where nothing is. */
export function policyHealth(
  { policies, followed, told, clock }: PolicyParts,
  enforced: { readonly ns: Netns; readonly enforcer: Enforcer } | undefined,
): PolicyHealth {
  const { cluster } = policies;
  const isolated = [...told.all].filter(({ isIsolated }) => isIsolated);
  const problem = enforced?.enforcer.problem;
  return {
    isEnforced: enforced !== undefined,
    isKnown: followed.isKnown,
    policies: policies.policies.size,
    pods: cluster.size,
    isolatedPods: podsAt(policies, policies.isolatedAddresses).size,
    pending: [...new Set(isolated.map(fullName))].sort(),
    contested: [...cluster.contested].sort(),
    faults: followed.faults,
    problems: [...followed.problems, ...(problem === undefined ? [] : [problem])],
    repairs: enforced?.enforcer.repairs ?? 0,
    lastChange: wallTime(clock, enforced?.enforcer.lastChange),
    drops: enforced ? dropsOf(policies, enforced.ns) : [],
  };
}

/** The pods of this host that have these addresses, by their names. */
function podsAt({ cluster }: NetworkPolicies, addresses: Iterable<string>): ReadonlySet<string> {
  return new Set([...addresses].flatMap((each) => cluster.podsAt(each).map(fullName)));
}

/** By pod and direction; what is dropped of an address whose pod is not known is its own. */
function dropsOf(policies: NetworkPolicies, ns: Netns): readonly PolicyDrops[] {
  const all = new Map<string, PolicyDrops>();
  for (const { address, direction, packets, bytes } of readDrops(ns)) {
    const text = formatAddress(address);
    const [first] = policies.cluster.podsAt(text);
    const pod = first ? fullName(first) : text;
    const key = `${pod} ${direction}`;
    const sum = all.get(key) ?? { pod, direction, packets: 0, bytes: 0 };
    all.set(key, {
      ...sum,
      packets: sum.packets + Number(packets),
      bytes: sum.bytes + Number(bytes),
    });
  }
  return [...all.values()];
}
