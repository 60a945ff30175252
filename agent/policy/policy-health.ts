/** What the agent says of network policies, put together from its parts. */

import { type Drops, readDrops } from "../../lib/filter/cluster-policy.ts";
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
  readonly drops: RecentDrops;
}

/** As often at most the kernel is asked what it has dropped, in milliseconds. */
const READ_EVERY = 1000;

/** What was dropped, read anew once a second at most, however many ask. */
export class RecentDrops {
  readonly #ns: Netns;
  readonly #clock: Clock;
  #drops: readonly Drops[] = [];
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(ns: Netns, clock: Clock) {
    this.#ns = ns;
    this.#clock = clock;
  }

  read(): readonly Drops[] {
    const now = this.#clock.now();
    if (now - this.#readAt >= READ_EVERY) {
      this.#drops = readDrops(this.#ns);
      this.#readAt = now;
    }
    return this.#drops;
  }
}

/** All that there is to say; `enforcer` is undefined where nothing is enforced. */
export function policyHealth(
  { policies, followed, told, clock, drops }: PolicyParts,
  enforcer: Enforcer | undefined,
): PolicyHealth {
  const { cluster } = policies;
  const isolated = [...told.all].filter(({ isIsolated }) => isIsolated);
  const problem = enforcer?.problem;
  return {
    isEnforced: enforcer !== undefined,
    isKnown: followed.isKnown,
    policies: policies.policies.size,
    pods: cluster.size,
    isolatedPods: podsAt(policies, policies.isolatedAddresses).size,
    pending: [...new Set(isolated.map(fullName))].sort(),
    contested: [...cluster.contested].sort(),
    faults: followed.faults,
    problems: [...followed.problems, ...(problem === undefined ? [] : [problem])],
    repairs: enforcer?.repairs ?? 0,
    lastChange: wallTime(clock, enforcer?.lastChange),
    drops: enforcer ? dropsOf(policies, drops.read()) : [],
  };
}

/** The pods of this host that have these addresses, by their names. */
function podsAt({ cluster }: NetworkPolicies, addresses: Iterable<string>): ReadonlySet<string> {
  return new Set([...addresses].flatMap((each) => cluster.podsAt(each).map(fullName)));
}

/** By pod and direction; what is dropped of an address whose pod is not known is its own. */
function dropsOf(policies: NetworkPolicies, drops: readonly Drops[]): readonly PolicyDrops[] {
  const all = new Map<string, PolicyDrops>();
  for (const { address, direction, packets, bytes } of drops) {
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
