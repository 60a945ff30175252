/**
 * What ptp has on the host beside the container's link, made again where it was flushed: the
 * gateways and routes of the host's end, forwarding, masquerade, the guard of 127.0.0.1.
 */

import { requireInside } from "../../lib/attach/check.ts";
import {
  forwardingPart,
  linkLocalParts,
  masqueradeParts,
  reportedLease,
} from "../../lib/attach/mend.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import { findHostEnd } from "../../lib/cni/host-end.ts";
import { type Made, mending, type Part, type Sides } from "../../lib/cni/mend.ts";
import { findGuardFault, guardLoopback } from "../../lib/filter/loopback.ts";
import { formatAddress } from "../../lib/ip/address.ts";
import { formatCidr, hostCidr } from "../../lib/ip/cidr.ts";
import { findAddressFault, findRouteFault } from "../../lib/net/expect.ts";
import { ensureGateways } from "../../lib/net/gateway.ts";
import { getLink, type Link, setLinkUp } from "../../lib/net/link.ts";
import { addMissingRoutes } from "../../lib/net/missing-routes.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { type GatedIp, gatewaysOf, hostRoutes } from "../../lib/net/point-to-point.ts";
import { type PtpConfig, parsePtpConfig } from "./config.ts";
import { withGateways } from "./gateway.ts";
import * as schema from "./ptp.schema.json";

type Call = Made<PtpConfig>;

function partsOf(call: Call, sides: Sides): readonly Part[] {
  const { host } = sides;
  const { index } = hostEnd(call, sides);
  const end = () => getLink(host, index);
  const { ips } = withGateways(reportedLease(call), call.config.ipamType);
  return [
    upPart(host, end),
    gatewayPart(host, end, ips),
    ...linkLocalParts(host, end, gatewaysOf(ips)),
    routePart(host, end, ips),
    forwardingPart(host, gatewaysOf(ips)),
    ...masqueradeParts(call, sides),
    {
      what: "guard of 127.0.0.1",
      fault: () => findGuardFault(host, end()),
      make: () => guardLoopback(host, end()),
    },
  ];
}

function hostEnd(call: Call, { host, container }: Sides): Link {
  const inside = requireInside(call, container, "veth");
  const outside = findHostEnd(call, host, inside)?.link;
  if (outside) return outside;
  const what = `Cannot mend "${inside.name}" in "${call.netns}"`;
  throw new CniError(Code.conflict, `${what}: its other end was not found on the host`);
}

function upPart(host: Netns, end: () => Link): Part {
  const { name } = end();
  return {
    what: `host end "${name}"`,
    fault: () => (end().isUp ? undefined : `"${name}" is down`),
    make: () => setLinkUp(host, end()),
  };
}

function gatewayPart(host: Netns, end: () => Link, ips: readonly GatedIp[]): Part {
  const gateways = gatewaysOf(ips).map(hostCidr);
  return {
    what: `gateway ${gateways.map(formatCidr).join(", ")}`,
    fault: () => findAddressFault(host, end(), gateways),
    make: () => void ensureGateways(host, end(), { gateways, force: false }),
  };
}

function routePart(host: Netns, end: () => Link, ips: readonly GatedIp[]): Part {
  const routes = hostRoutes(ips);
  return {
    what: `route to ${ips.map(({ cidr }) => formatAddress(cidr.address)).join(", ")}`,
    fault: () => findRouteFault(host, routes, end()),
    make: () => addMissingRoutes(host, end(), routes),
  };
}

export const mend = mending<PtpConfig>(
  { name: "ptp", schema, args: ["MAC"], parseConfig: parsePtpConfig },
  partsOf,
);
