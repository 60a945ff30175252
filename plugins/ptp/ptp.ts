/**
 * ptp: a veth pair from the container to the host, and no bridge: the host routes.
 *
 *   host                                             container
 *   veth…  gateway/32   <---------------------->     eth0   address/prefix
 *          route to address/32                              route to gateway/32
 *   forwarding, masquerade of the address                   subnet, and other routes, by the gateway
 *
 * Every host end has the same gateway. Nothing but forwarding is shared: all else belongs to one
 * attachment and goes with it, most of it with the pair.
 */

import { applyLease, takeLease } from "../../lib/attach/lease.ts";
import { containerMac } from "../../lib/attach/mac.ts";
import { masquerade, unmasquerade } from "../../lib/attach/masquerade.ts";
import { collectPairs, makePair, removePair, requireFreePair } from "../../lib/attach/pair.ts";
import { report } from "../../lib/attach/report.ts";
import type { AddCall, DelCall, GcCall, StatusCall } from "../../lib/cni/call.ts";
import * as ipam from "../../lib/cni/ipam.ts";
import type { Result } from "../../lib/cni/result.ts";
import { interfacePlugin } from "../../lib/cni/run.ts";
import { begin } from "../../lib/cni/steps.ts";
import { allOrNothing, asMuchAsPossible } from "../../lib/cni/undo.ts";
import { requireReady } from "../../lib/cni/verdict.ts";
import { warn } from "../../lib/cni/warn.ts";
import { findGuardFaultOf, guardLoopback, guardLoopbackOf } from "../../lib/filter/loopback.ts";
import { collectMasquerade } from "../../lib/filter/masquerade.ts";
import { ensureForwarding } from "../../lib/net/gateway.ts";
import { findLink } from "../../lib/net/link.ts";
import { kindFault } from "../../lib/net/make.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { containerRoutes, gatewaysOf, setUpHostEnd } from "../../lib/net/point-to-point.ts";
import { hostVethName } from "../../lib/net/veth.ts";
import { check } from "./check.ts";
import { type PtpConfig, parsePtpConfig } from "./config.ts";
import { withGateways } from "./gateway.ts";
import * as schema from "./ptp.schema.json";

/** The pair comes before the addresses, since an IPAM plugin may ask for them by way of it. */
function add(call: AddCall<PtpConfig>, host: Netns, container: Netns): Result {
  const { mtu, ipamType } = call.config;
  const mac = containerMac(call.config, call.args);
  const ipamPlugin = ipam.getIpam(call);
  const name = hostVethName(call.attachment);
  const taken = findLink(host, name);
  if (taken) requireFreePair(call, container, taken); // else the kernel tells
  return allOrNothing((undo) => {
    const spec = { host, container, mac, mtu, name, taken };
    const { outside, inside } = makePair(call, spec, undo);
    guardLoopback(host, outside);
    const lease = withGateways(takeLease(call, ipamPlugin, undo), ipamType);
    begin("host end");
    setUpHostEnd(host, outside, lease.ips);
    const ahead = containerRoutes(lease.ips);
    applyLease(container, inside, { lease, ahead, heedsRouters: false });
    begin("forwarding");
    ensureForwarding(host, gatewaysOf(lease.ips));
    masquerade(call, host, { lease, undo });
    return report(call, { outside: [outside], inside }, lease);
  });
}

/** The reverse of ADD. One end of a veth pair takes the other, its addresses and routes along. */
function del(call: DelCall<PtpConfig>, host: Netns, container: Netns | undefined): void {
  const inside = container && findLink(container, call.attachment.ifName);
  asMuchAsPossible(
    ["delete the masquerade", () => unmasquerade(call, host, { container, inside })],
    ["delete the veth pair", () => removePair(call, host, { container, inside })],
    ["release the addresses", () => ipam.deleteLease(call)],
  );
}

/** What attachments left that are no longer valid: each kind of thing by its owner's mark. */
function gc(call: GcCall<PtpConfig>, host: Netns): void {
  const { network, valid } = call;
  asMuchAsPossible(
    ["collect masquerade", () => collectMasquerade(host, network, valid)],
    ["collect veth pairs", () => collectPairs(host, network, valid)],
    ["collect addresses", () => ipam.collectLeases(call)],
    ["guard 127.0.0.1", () => guardLoopbackOf(host, network)],
  );
}

function status(call: StatusCall<PtpConfig>, host: Netns): void {
  requireReady("create a link of kind veth", kindFault(host, "veth"));
  ipam.checkIpamStatus(call);
  const unguarded = findGuardFaultOf(host, call.network);
  if (unguarded !== undefined) warn("ptp", unguarded); // the next ADD makes the guard
}

export const { main, handle, configuration } = interfacePlugin<PtpConfig>({
  name: "ptp",
  reference: "1.9.1",
  schema,
  args: ["MAC"],
  parseConfig: parsePtpConfig,
  add,
  check,
  del,
  gc,
  status,
});
