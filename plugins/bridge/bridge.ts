/**
 * bridge: a veth pair from the container to a bridge of the host.
 *
 *   host                                                        container
 *   cni0   gateway/prefix  ---- port: veth…  <------------->    eth0   address/prefix
 *   forwarding, masquerade of the container's address           routes by the gateway
 *
 * The bridge, its gateway addresses and forwarding are shared: they stay when the last container
 * leaves. Everything else belongs to one attachment and goes with it.
 */

import { applyLease, removalSteps, takeLease } from "../../lib/attach/lease.ts";
import { containerMac } from "../../lib/attach/mac.ts";
import { masquerade, unmasquerade } from "../../lib/attach/masquerade.ts";
import { collectPairs, removePair } from "../../lib/attach/pair.ts";
import { report } from "../../lib/attach/report.ts";
import type { AddCall, Call, DelCall, GcCall, StatusCall } from "../../lib/cni/call.ts";
import * as ipam from "../../lib/cni/ipam.ts";
import type { Result } from "../../lib/cni/result.ts";
import { interfacePlugin } from "../../lib/cni/run.ts";
import { begin } from "../../lib/cni/steps.ts";
import { allOrNothing, asMuchAsPossible, tryTo, type Undo } from "../../lib/cni/undo.ts";
import { requireReady } from "../../lib/cni/verdict.ts";
import { warn } from "../../lib/cni/warn.ts";
import { findGuardFault, guardLoopback } from "../../lib/filter/loopback.ts";
import { collectMasquerade } from "../../lib/filter/masquerade.ts";
import * as spoofCheck from "../../lib/filter/spoofcheck.ts";
import { bridgeFault } from "../../lib/net/bridge.ts";
import { announce } from "../../lib/net/configure.ts";
import {
  findLink,
  findLinks,
  getLinkStates,
  isOperational,
  type Link,
  type LinkState,
  setLinkUp,
} from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { waitFor } from "../../lib/net/wait.ts";
import * as schema from "./bridge.schema.json";
import { check } from "./check.ts";
import { type BridgeConfig, parseBridgeConfig } from "./config.ts";
import { type Connected, connect, isUpLater } from "./connect.ts";
import { connectGateway, servedLease, vlanLinkName } from "./gateway.ts";

/** How long a port may take to carry traffic, in milliseconds. */
const PORT_UP_WITHIN = 5_000;

function add(call: AddCall<BridgeConfig>, host: Netns, container: Netns): Result {
  const { config } = call;
  const mac = containerMac(config, call.args);
  const ipamPlugin = ipam.findIpam(call);
  return allOrNothing((undo) => {
    const { bridge, veth } = connect(call, { host, container, mac }, undo);
    const { inside } = veth;
    guardLoopback(host, bridge);
    if (config.macSpoofCheck) checkSpoofing(call, host, { veth, undo });
    if (isUpLater(config)) setLinkUp(host, veth.outside); // IPAM may ask for addresses by way of it
    const lease = ipamPlugin && servedLease(config, takeLease(call, ipamPlugin, undo));
    const { detectDuplicates, isGateway } = config;
    const application = { lease, detectDuplicates, heedsRouters: !isGateway };
    if (!config.leaveDown) applyLease(container, inside, application);
    begin("gateway");
    const vlanLink =
      lease && isGateway ? connectGateway(config, host, { bridge, lease }) : undefined;
    guardLoopback(host, vlanLink);
    if (lease) masquerade(call, host, { lease, undo });
    begin("bridge port");
    const outside = awaitPort(config, host, { bridge, veth });
    if (lease) announce(container, inside);
    return report(call, { outside, inside, further: vlanLink ? [vlanLink] : [] }, lease);
  });
}

function checkSpoofing(
  call: AddCall<BridgeConfig>,
  host: Netns,
  { veth, undo }: { readonly veth: Connected["veth"]; readonly undo: Undo },
): void {
  const { name } = veth.outside;
  const check = call.config.macSpoofCheck ?? "source";
  undo.step(
    "MAC spoof check",
    () => spoofCheck.addSpoofCheck(host, call.attachment, { name, mac: veth.inside.mac, check }),
    () => spoofCheck.deleteSpoofCheck(host, call.attachment, name),
  );
}

/** Bridge and host end once the port carries traffic: the bridge's address may have changed by it. */
function awaitPort(config: BridgeConfig, host: Netns, { bridge, veth }: Connected): LinkState[] {
  const wait = {
    what: `the bridge port "${veth.outside.name}" to be up`,
    of: "links" as const,
    milliseconds: PORT_UP_WITHIN,
  };
  return waitFor(host, wait, () => {
    const states = getLinkStates(host, bridge.index, veth.outside.index);
    const port = states.find(({ index }) => index === veth.outside.index);
    return config.leaveDown || (port && isOperational(port)) ? states : undefined;
  });
}

/** The reverse of ADD. One end of a veth pair takes the other, and every route through it, along. */
function del(call: DelCall<BridgeConfig>, host: Netns, container: Netns | undefined): void {
  const { attachment, config } = call;
  const inside = container && findLink(container, attachment.ifName);
  asMuchAsPossible(
    ["delete the masquerade", () => unmasquerade(call, host, { container, inside })],
    ["delete the MAC spoof check", () => config.macSpoofCheck && unspoof(call, host)],
    ...removalSteps(call, [
      "delete the veth pair",
      () => removePair(call, host, { container, inside }),
    ]),
  );
  tryTo("guard 127.0.0.1", () => guardLoopback(host, ...openable(config, host)));
}

/** The host's links of this network that may be open to its loopback, as far as they are there. */
function openable(config: BridgeConfig, host: Netns): readonly (Link | undefined)[] {
  return findLinks(host, config.bridge, ...(config.vlan?.access ? [vlanLinkName(config)] : []));
}

function unspoof(call: DelCall<BridgeConfig>, host: Netns): void {
  spoofCheck.deleteSpoofCheck(host, call.attachment, undefined);
}

/** What attachments left that are no longer valid: each kind of thing by its owner's mark. */
function gc(call: GcCall<BridgeConfig>, host: Netns): void {
  const { network, valid } = call;
  asMuchAsPossible(
    ["collect masquerade", () => collectMasquerade(host, network, valid)],
    ["collect MAC spoof checks", () => spoofCheck.collectSpoofCheck(host, network, valid)],
    ["collect veth pairs", () => collectPairs(host, network, valid)],
    ["collect addresses", () => ipam.collectLeases(call)],
    ["guard 127.0.0.1", () => guardLoopback(host, ...openable(call.config, host))],
  );
}

function status(call: StatusCall<BridgeConfig>, host: Netns): void {
  requireReady(`use bridge "${call.config.bridge}"`, bridgeFault(host, call.config.bridge));
  ipam.checkIpamStatus(call as Call<BridgeConfig>);
  const unguarded = findGuardFault(host, ...openable(call.config, host));
  if (unguarded !== undefined) warn("bridge", unguarded); // the next ADD makes the guard
}

export const { main, handle, configuration } = interfacePlugin<BridgeConfig>({
  name: "bridge",
  reference: "1.9.1",
  schema,
  args: ["MAC"],
  parseConfig: parseBridgeConfig,
  add,
  check,
  del,
  gc,
  status,
});
