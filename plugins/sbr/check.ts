/** What CHECK confirms: each address has its rule, and nothing is left for ADD to do in its table. */

import { reportedRoutes, requireInside } from "../../lib/attach/check.ts";
import type { Chained, CheckCall } from "../../lib/cni/call.ts";
import { confirm } from "../../lib/cni/verdict.ts";
import { formatAddress } from "../../lib/ip/address.ts";
import { formatCidr, networkOf, parseCidr } from "../../lib/ip/cidr.ts";
import { findRouteFault } from "../../lib/net/expect.ts";
import type { Netns } from "../../lib/net/netns.ts";
import type { Route } from "../../lib/net/route.ts";
import { readRouting, routesBy, type TableRoute } from "../../lib/net/table.ts";
import type { SbrConfig } from "./config.ts";
import { planMove } from "./plan.ts";
import { type Place, rulesFor, sourcesOf, type TabledSource } from "./source.ts";

type Check = Chained<CheckCall<SbrConfig>>;

/** What CHECK is about, in its errors. */
const OF = "the routing of";

/** Throws code 104 with the first difference. */
export function check(call: Check, _host: Netns, container: Netns): void {
  const { config } = call;
  const link = config.table === undefined ? requireInside(call, container) : undefined;
  const routing = readRouting(container);
  const sources = tabledSources(call, { routing, link, table: config.table });
  if (!link) return;
  const { addSourceHints } = config;
  const routes = routesBy(routing.routes, link);
  const plan = planMove({ link, routes, sources, addSourceHints });
  const known = knownNetworks(call, sources);
  const isKnown = ({ destination }: TableRoute) => known.has(formatCidr(destination));
  const missing = plan.coming.find(isKnown);
  const stray = plan.leaving.find(isKnown);
  confirm(call, missing && `route ${inWords(missing)} is missing in table ${missing.table}`, OF);
  confirm(call, stray && `route ${inWords(stray)} is still in the main table`, OF);
  confirm(call, findRouteFault(container, routesInTables(call, sources), link), OF);
}

/** The addresses with the tables that their rules lead to. */
function tabledSources(call: Check, place: Place): readonly TabledSource[] {
  return sourcesOf(call).map((source) => {
    const { address } = source.cidr;
    const rules = rulesFor(address, place);
    const rule = rules.find(({ table }) => place.table === undefined || table === place.table);
    const there = place.table === undefined ? "a table of its own" : `table ${place.table}`;
    confirm(
      call,
      rule ? undefined : `no rule leads from ${formatAddress(address)} to ${there}`,
      OF,
    );
    return { ...source, table: rule?.table ?? 0 };
  });
}

/** Where ADD has led: what the container itself adds is its own affair. */
function knownNetworks({ prevResult }: Check, sources: readonly TabledSource[]): Set<string> {
  const reported = (prevResult.routes ?? []).flatMap(({ dst }) => parseCidr(dst) ?? []);
  const networks = [...sources.map(({ cidr }) => cidr), ...reported].map(networkOf);
  return new Set(["0.0.0.0/0", "::/0", ...networks.map(formatCidr)]);
}

function inWords({ destination, gateway }: TableRoute): string {
  return `${formatCidr(destination)}${gateway ? ` via ${formatAddress(gateway)}` : ""}`;
}

/** The routes of the result by a gateway in an address's subnet, each in that address's table. */
function routesInTables({ prevResult }: Check, sources: readonly TabledSource[]): Route[] {
  return sources.flatMap(({ cidr, table }) =>
    reportedRoutes(prevResult, [cidr])
      .filter((route) => route.gateway !== undefined && route.table === undefined)
      .map((route) => ({ ...route, table })),
  );
}
