/** All that the agent's life needs of the world. */

import type { Clock } from "../lib/host/clock.ts";
import type { NetworkConfig } from "../lib/store/network.ts";
import type { Hints, OwnHost, Store } from "../lib/store/store.ts";
import type { DataPath } from "./data-path.ts";
import type { Tell } from "./events.ts";
import type { OwnFiles } from "./own-files.ts";
import type { Plan } from "./plan.ts";

/** This host, as it is found in the kernel. */
export interface Found {
  /** How the network is made here, but for the subnets. */
  readonly plan: Plan;
  /** What the others are to know. */
  readonly own: Omit<OwnHost, "formerSubnets">;
}

/** The world of one agent: its store, and the host it is on. */
export interface World {
  readonly clock: Clock;
  readonly store: Store;
  readonly files: OwnFiles;
  readonly host: Host;
  readonly tell: Tell;
  /** True if packets that leave the network get this host's address by the agent's rules. */
  readonly isMasqueraded: boolean;
}

/** The kernel of this host. Each throws what CniError can be made of. */
export interface Host {
  /** Finds this host; throws if it has no place in the network. */
  find(network: NetworkConfig, hints: Hints): Found;
  /** The plan of an agent before, as far as another program has not taken its devices since. */
  resumed(plan: Plan): Plan;
  /** The way to the other hosts by a plan, which may be of an agent before; `tell` hears changes. */
  pathOf(plan: Plan, tell: (what: string) => void): DataPath;
  /** Makes the rules that masquerade and forward; what keeps it from that, in words. */
  ensureRules(plan: Plan, tell: (what: string) => void): readonly string[];
  /** False if one of them is missing, as far as little tells. */
  hasRules(plan: Plan): boolean;
  /** Takes away what leads elsewhere than to where the network is by its plan now. */
  removeFormerNetwork(plan: Plan, former: Plan): void;
  /** Takes away what this network has here by other plans: devices, rules. */
  removeFormer(plan: Plan): void;
}
