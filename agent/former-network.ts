/** What a network had on this host by a plan that is no longer its plan. */

import { deleteNetworkSources } from "../lib/filter/forward-networks.ts";
import { overlapCidrs } from "../lib/ip/cidr.ts";
import { ensureBlackholes } from "../lib/net/blackhole.ts";
import { findLink } from "../lib/net/link.ts";
import type { Netns } from "../lib/net/netns.ts";
import { removeFormerRoutes } from "../lib/overlay/former-routes.ts";
import { type Plan, subnetsOf } from "./plan.ts";

/** The plan that there is, and one that was before it. */
export interface Plans {
  readonly plan: Plan;
  readonly former: Plan;
}

/** Takes away what belongs to no device: direct routes, blackholes, sources of firewalld. */
export function removeFormerNetwork(
  ns: Netns,
  { plan, former }: Plans,
  tell: (what: string) => void,
): void {
  const [current, { networks }] = [subnetsOf(plan).networks, subnetsOf(former)];
  const uplink = findLink(ns, String(former.uplink));
  const kept = former.uplink === plan.uplink ? current : [];
  if (uplink) removeFormerRoutes(ns, { uplink, networks, current: kept }, tell);
  const gone = networks.filter((each) => !current.some((other) => overlapCidrs(each, other)));
  ensureBlackholes(ns, { networks: gone, subnets: [] }, tell);
  if (gone.length > 0) deleteNetworkSources(ns, gone);
}
