/** What the agent says of itself, put together from its parts. */

import { wallTime } from "../lib/host/clock.ts";
import { formatAddress } from "../lib/ip/address.ts";
import { formatCidr } from "../lib/ip/cidr.ts";
import { formatMac } from "../lib/ip/mac.ts";
import type { Agent } from "./agent.ts";
import type { Health, PeerHealth, PolicyHealth, StoreHealth, Summary } from "./health.ts";
import type { AgentOptions } from "./options.ts";
import type { World } from "./world.ts";

/** What does not change while it runs. */
export interface Setting {
  readonly world: World;
  readonly options: AgentOptions;
  readonly version: string;
  /** By the clock's now(). */
  readonly started: number;
  readonly policies: { health(): PolicyHealth } | undefined;
}

/** All that is known, with every peer. */
export function healthOf(agent: Agent, setting: Setting): Health {
  return { ...summaryOf(agent, setting), peers: [...peersOf(agent)] };
}

/** Without the peers. */
export function summaryOf(agent: Agent, setting: Setting): Summary {
  const { isReady, problem, limits, comparisons, repairs } = agent.state;
  const { world, options, version, started } = setting;
  return {
    network: options.network,
    version,
    started: wallTime(world.clock, started) ?? 0,
    isReady,
    problems: problem === undefined ? [] : [problem],
    limits,
    store: storeHealth(agent, setting),
    host: agent.path?.health(),
    peerCount: agent.members.size,
    repairs,
    comparisons,
    networkPolicy: setting.policies?.health(),
  };
}

function storeHealth(agent: Agent, { world, options }: Setting): StoreHealth {
  const { storeProblem, lastSync } = agent.state;
  const { store } = options;
  const at =
    store.type === "etcd"
      ? store.endpoints.join(", ")
      : (store.apiUrl ?? store.kubeconfigFile ?? "the cluster of this pod");
  const { counts, leaseEnds } = world.store;
  return { type: store.type, at, problem: storeProblem, lastSync, leaseEnds, counts };
}

function* peersOf(agent: Agent): Iterable<PeerHealth> {
  for (const ends of agent.members.usable()) {
    yield {
      subnets: ends.flatMap(({ subnets }) => subnets.map(formatCidr)),
      ends: ends.map(({ publicIP, mac }) => ({
        publicIP: formatAddress(publicIP),
        vtepMAC: formatMac(mac),
      })),
    };
  }
}
