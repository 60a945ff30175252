/** What CHECK confirms: the link is in its VRF, with the addresses and routes that it had. */

import { reportedRoutes, requireInside } from "../../lib/attach/check.ts";
import type { Chained, CheckCall } from "../../lib/cni/call.ts";
import { confirm } from "../../lib/cni/verdict.ts";
import { cidrsOf, ipsOf } from "../../lib/cni/whose.ts";
import { findAddressFault, findRouteFault } from "../../lib/net/expect.ts";
import { findLink, type Link } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { isVrf } from "../../lib/net/vrf.ts";
import type { VrfConfig } from "./config.ts";

type Check = Chained<CheckCall<VrfConfig>>;

/** What CHECK is about, in its errors. */
const OF = "the VRF of";

/** Throws code 104 with the first difference. */
export function check(call: Check, _host: Netns, container: Netns): void {
  const { config } = call;
  const inside = requireInside(call, container);
  const vrf = findLink(container, config.vrfName ?? "");
  confirm(call, vrfFault(config, vrf) ?? memberFault(inside, vrf), OF);
  confirm(call, belongingsFault(call, container, { inside, table: vrf?.vrfTable }), OF);
}

function vrfFault({ vrfName, table }: VrfConfig, vrf: Link | undefined): string | undefined {
  if (!vrf) return `there is no VRF "${vrfName}"`;
  if (!isVrf(vrf)) return `"${vrfName}" is no VRF`;
  if (!vrf.isUp) return `VRF "${vrfName}" is down`;
  if (table === undefined || vrf.vrfTable === table) return undefined;
  return `VRF "${vrfName}" should have table ${table}, found ${vrf.vrfTable}`;
}

function memberFault({ master }: Link, vrf: Link | undefined): string | undefined {
  return master === vrf?.index ? undefined : `it is not in VRF "${vrf?.name}"`;
}

/** The addresses that are its own by the result of ADD, and the routes by them, now in the table. */
function belongingsFault(
  { prevResult, attachment }: Check,
  container: Netns,
  { inside, table }: { readonly inside: Link; readonly table: number | undefined },
): string | undefined {
  const addresses = cidrsOf(ipsOf(prevResult, attachment.ifName, "own"));
  const routes = reportedRoutes(prevResult, addresses).filter(
    (route) => route.gateway !== undefined && route.table === undefined,
  );
  return (
    findAddressFault(container, inside, addresses) ??
    findRouteFault(
      container,
      routes.map((route) => ({ ...route, table })),
      inside,
    )
  );
}
