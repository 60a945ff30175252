/** An attachment as `weft show` tells it to programs. */

import type { Json } from "../../lib/cni/json.ts";
import type { Possession } from "../../lib/inventory/inventory.ts";
import type { Judgement } from "../../lib/inventory/network-policies.ts";
import type { HostLink, InsideLink } from "./closely.ts";
import type { Maker, Mapping, Rates } from "./facts.ts";

export interface Shown {
  readonly network: string;
  readonly containerID: string;
  readonly ifName: string;
  readonly netns: string;
  readonly isAlive: boolean;
  readonly why: string;
  readonly madeBy: Maker;
  readonly plugins: readonly string[];
  readonly addresses: readonly string[];
  readonly hostPorts: readonly Mapping[];
  readonly rates: Rates;
  readonly inside: InsideLink | undefined;
  readonly insideFault: string | undefined;
  readonly host: readonly HostLink[];
  readonly networkPolicies: readonly Judgement[];
  readonly things: readonly Omit<Possession, "containerID" | "ifName">[];
  readonly kept: { readonly result: Json; readonly args: Json; readonly capabilities: Json } | null;
  readonly differences: readonly string[];
}
