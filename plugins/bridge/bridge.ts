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

import type { AddCall, Call, DelCall, GcCall, StatusCall } from "../../lib/cni/call.ts";
import * as ipam from "../../lib/cni/ipam.ts";
import type { Result } from "../../lib/cni/result.ts";
import { interfacePlugin } from "../../lib/cni/run.ts";
import { allOrNothing, asMuchAsPossible, tryTo, type Undo } from "../../lib/cni/undo.ts";
import { requireReady } from "../../lib/cni/verdict.ts";
import { warn } from "../../lib/cni/warn.ts";
import { cidrsOf, ipsOf } from "../../lib/cni/whose.ts";
import { findGuardFault, guardLoopback } from "../../lib/filter/loopback.ts";
import * as masquerading from "../../lib/filter/masquerade.ts";
import * as spoofCheck from "../../lib/filter/spoofcheck.ts";
import { family, type IpAddress } from "../../lib/ip/address.ts";
import { listAddressesIfFew } from "../../lib/net/address.ts";
import { bridgeFault } from "../../lib/net/bridge.ts";
import * as configure from "../../lib/net/configure.ts";
import {
  findLink,
  findLinks,
  getLinkStates,
  isOperational,
  type Link,
  setLinkUp,
} from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import type { VethEnd } from "../../lib/net/veth.ts";
import { waitFor } from "../../lib/net/wait.ts";
import * as schema from "./bridge.schema.json";
import { check } from "./check.ts";
import { type BridgeConfig, containerMac, parseBridgeConfig } from "./config.ts";
import { type Connected, connect, deleteStale, disconnect, type Inside } from "./connect.ts";
import { connectGateway, vlanLinkName, withGateways } from "./gateway.ts";
import { describe, reportedRoutes, resolvedRoutes } from "./result.ts";

/** How long a port may take to carry traffic, and IPv6 addresses to be probed, in milliseconds. */
const PORT_UP_WITHIN = 5_000;
const ADDRESSES_WITHIN = 10_000;

function add(call: AddCall<BridgeConfig>, host: Netns, container: Netns): Result {
  const mac = containerMac(call.config, call.args);
  const ipamPlugin = ipam.findIpam(call);
  return allOrNothing((undo) => {
    const { bridge, veth } = connect(call, { host, container, mac }, undo);
    guardLoopback(host, bridge);
    const lease = ipamPlugin && takeLease(call, ipamPlugin, undo);
    if (call.config.macSpoofCheck) checkSpoofing(call, host, { veth, undo });
    setLinkUp(host, veth.outside);
    if (lease) configureContainer(call, container, { inside: veth.inside, lease });
    else if (!call.config.leaveDown) setLinkUp(container, veth.inside);
    const vlanLink =
      lease && call.config.isGateway
        ? connectGateway(call.config, host, { bridge, lease })
        : undefined;
    guardLoopback(host, vlanLink);
    if (lease && call.config.ipMasq) masquerade(call, host, { lease, undo });
    const { inside } = veth;
    const links = settled(call, host, { bridge, veth });
    if (lease && !call.config.leaveDown) configure.announce(container, inside);
    return describe(call, { ...links, inside, vlanLink }, lease);
  });
}

function takeLease(call: AddCall<BridgeConfig>, plugin: ipam.PluginFile, undo: Undo): ipam.Lease {
  const lease = undo.step(
    "address allocation",
    () => ipam.addLease(call, plugin),
    () => ipam.takeBackLease(call),
  );
  return withGateways(call.config, lease);
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

/** Addresses and routes; what the kernel should do of its own accord is set before the link is up. */
function configureContainer(
  call: AddCall<BridgeConfig>,
  container: Netns,
  { inside, lease }: { readonly inside: VethEnd; readonly lease: ipam.Lease },
): void {
  const addresses = lease.ips.map(({ cidr }) => cidr);
  const firstIpv6 = addresses.find(({ address }) => family(address) === 6);
  const detectDuplicates = call.config.detectDuplicates && firstIpv6 !== undefined;
  configure.prepareIpv6(container, inside, {
    address: firstIpv6?.address,
    detectDuplicates: call.config.detectDuplicates,
    heedsRouters: !call.config.isGateway,
  });
  const routes = resolvedRoutes(lease, reportedRoutes(call.config, lease));
  configure.configureLink(container, inside, { addresses, routes, detectDuplicates });
  if (detectDuplicates) awaitAddresses(container, inside);
}

function awaitAddresses(container: Netns, inside: VethEnd): void {
  const wait = {
    what: `the addresses of "${inside.name}" to be probed`,
    of: "ipv6Addresses" as const,
    milliseconds: ADDRESSES_WITHIN,
  };
  waitFor(container, wait, () => configure.areAddressesProbed(container, inside) || undefined);
}

function masquerade(
  call: AddCall<BridgeConfig>,
  host: Netns,
  { lease, undo }: { readonly lease: ipam.Lease; readonly undo: Undo },
): void {
  const addresses = lease.ips.map(({ cidr }) => cidr);
  const wanted = { owner: call.attachment, addresses, backend: call.config.ipMasqBackend };
  const known = addresses.map(({ address }) => address);
  undo.before("masquerade", () =>
    masquerading.deleteMasquerade(host, { owner: call.attachment, known }),
  );
  masquerading.addMasquerade(host, wanted);
}

/** The host's links once the port carries traffic: the bridge's address may have changed by it. */
function settled(call: AddCall<BridgeConfig>, host: Netns, { bridge, veth }: Connected) {
  const wait = {
    what: `the bridge port "${veth.outside.name}" to be up`,
    of: "links" as const,
    milliseconds: PORT_UP_WITHIN,
  };
  return waitFor(host, wait, () => {
    const [now = bridge, port = veth.outside] = getLinkStates(
      host,
      bridge.index,
      veth.outside.index,
    );
    return call.config.leaveDown || isOperational(port)
      ? { bridge: now, outside: port }
      : undefined;
  });
}

/** The reverse of ADD. One end of a veth pair takes the other, and every route through it, along. */
function del(call: DelCall<BridgeConfig>, host: Netns, container: Netns | undefined): void {
  const { attachment, config } = call;
  const inside = container && findLink(container, attachment.ifName);
  asMuchAsPossible(
    [
      "delete the masquerade",
      () => config.ipMasq && unmasquerade(call, host, { container, inside }),
    ],
    ["delete the MAC spoof check", () => config.macSpoofCheck && unspoof(call, host)],
    ["delete the veth pair", () => disconnect(call, host, { container, inside })],
    ["release the addresses", () => ipam.deleteLease(call)],
  );
  tryTo("guard 127.0.0.1", () => guardLoopback(host, ...openable(config, host)));
}

/** The host's links of this network that may be open to its loopback, as far as they are there. */
function openable(config: BridgeConfig, host: Netns): readonly (Link | undefined)[] {
  return findLinks(host, config.bridge, ...(config.vlan?.access ? [vlanLinkName(config)] : []));
}

/**
 * The addresses are known from the result of ADD; otherwise they are searched by their owner. What
 * the container's link has by now is for the container to say, and may be anything: only rules of
 * the reference plugins, which name the container but not its interface, are told apart by it.
 */
function unmasquerade(
  call: DelCall<BridgeConfig>,
  host: Netns,
  { container, inside }: Inside,
): void {
  const owner = call.attachment;
  const known = addressesIn(call);
  const found = () => (container && inside ? listAddressesIfFew(container, inside) : []);
  masquerading.deleteMasquerade(host, { owner, known, found });
}

function unspoof(call: DelCall<BridgeConfig>, host: Netns): void {
  spoofCheck.deleteSpoofCheck(host, call.attachment, undefined);
}

/** What the result of ADD says of its addresses; one that does not say whose they are may lack some. */
function addressesIn({ prevResult, attachment }: DelCall<BridgeConfig>): readonly IpAddress[] {
  const own = prevResult ? ipsOf(prevResult, attachment.ifName, "own") : [];
  return cidrsOf(own).map(({ address }) => address);
}

/** What attachments left that are no longer valid: each kind of thing by its owner's mark. */
function gc(call: GcCall<BridgeConfig>, host: Netns): void {
  const { network, valid } = call;
  asMuchAsPossible(
    ["collect masquerade", () => masquerading.collectMasquerade(host, network, valid)],
    ["collect MAC spoof checks", () => spoofCheck.collectSpoofCheck(host, network, valid)],
    ["collect veth pairs", () => deleteStale(host, network, valid)],
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
