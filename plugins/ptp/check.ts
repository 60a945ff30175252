/**
 * CHECK: both sides of the pair are as ADD left them. Each test returns what is wrong in words, or
 * undefined; the first fault is the error. Nothing is changed.
 */

import {
  downFault,
  leaseFault,
  ownIps,
  reportFault,
  requireInside,
  requireResult,
} from "../../lib/attach/check.ts";
import { masqueradeFault } from "../../lib/attach/masquerade.ts";
import type { CheckCall } from "../../lib/cni/call.ts";
import { findHostEnd } from "../../lib/cni/host-end.ts";
import type { ResultIp } from "../../lib/cni/result.ts";
import { checkFailed, confirm } from "../../lib/cni/verdict.ts";
import { findGuardFault } from "../../lib/filter/loopback.ts";
import { parseAddress } from "../../lib/ip/address.ts";
import { hostCidr, parseCidr } from "../../lib/ip/cidr.ts";
import { findAddressFault, findRouteFault } from "../../lib/net/expect.ts";
import { findForwardingFault } from "../../lib/net/gateway.ts";
import type { Link } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import {
  containerRoutes,
  type GatedIp,
  gatewaysOf,
  hostRoutes,
} from "../../lib/net/point-to-point.ts";
import type { PtpConfig } from "./config.ts";

type CheckOf = CheckCall<PtpConfig>;

/** Throws code 104 with the first thing that is not as ADD left it. */
export function check(call: CheckOf, host: Netns, container: Netns): void {
  requireResult(call);
  const inside = requireInside(call, container, "veth");
  const outside = findHostEnd(call, host, inside)?.link;
  if (!outside) throw checkFailed(call, "its other end was not found on the host");
  const reported = ownIps(call);
  const ips = reported.flatMap(gatedIp);
  const fault =
    reportFault(call, inside, [{ link: outside, inWords: `its host end "${outside.name}"` }]) ??
    downFault(inside) ??
    leaseFault(call, container, inside) ??
    findRouteFault(container, containerRoutes(ips), inside) ??
    endFault(call.config, outside) ??
    hostFault(host, outside, ips) ??
    masqueradeFault(call, host, reported) ??
    findGuardFault(host, outside);
  confirm(call, fault);
}

/** Addresses that ADD of this plugin reports have a gateway. */
function gatedIp({ address, gateway: own }: ResultIp): GatedIp[] {
  const cidr = parseCidr(address);
  const gateway = own === undefined ? undefined : parseAddress(own);
  return cidr && gateway ? [{ cidr, gateway }] : [];
}

/** The MTU of the container's own end may be another plugin's, such as tuning's. */
function endFault({ mtu }: PtpConfig, outside: Link): string | undefined {
  const end = `its host end "${outside.name}"`;
  if (!outside.isUp) return `${end} should be up`;
  if (mtu === 0 || outside.mtu === mtu) return undefined;
  return `${end} should have MTU ${mtu}, found ${outside.mtu}`;
}

function hostFault(host: Netns, outside: Link, ips: readonly GatedIp[]): string | undefined {
  const gateways = gatewaysOf(ips);
  return (
    findForwardingFault(host, gateways) ??
    findAddressFault(host, outside, gateways.map(hostCidr)) ??
    findRouteFault(host, hostRoutes(ips), outside)
  );
}
