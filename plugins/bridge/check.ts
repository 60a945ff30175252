/**
 * CHECK: everything ADD made is still there. Each test returns what is wrong in words, or
 * undefined; the first fault is the error. Nothing is changed.
 */

import type { CheckCall } from "../../lib/cni/call.ts";
import { configError } from "../../lib/cni/error.ts";
import * as ipam from "../../lib/cni/ipam.ts";
import type { Result, ResultInterface, ResultIp } from "../../lib/cni/result.ts";
import { checkFailed, confirm } from "../../lib/cni/verdict.ts";
import { cidrsOf, ipsOf } from "../../lib/cni/whose.ts";
import { findGuardFault } from "../../lib/filter/loopback.ts";
import * as masquerading from "../../lib/filter/masquerade.ts";
import * as spoofCheck from "../../lib/filter/spoofcheck.ts";
import { nextAddress, parseAddress } from "../../lib/ip/address.ts";
import { type Cidr, containsAddress, networkOf, parseCidr } from "../../lib/ip/cidr.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import { findAddressFault, findRouteFault } from "../../lib/net/expect.ts";
import { forwardingSysctl } from "../../lib/net/gateway.ts";
import { findLink, type Link } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { findSysctl } from "../../lib/net/sysctl.ts";
import type { BridgeConfig } from "./config.ts";
import { vlanLinkName } from "./gateway.ts";
import { vlanFault } from "./vlan.ts";

interface Found {
  readonly bridge: Link;
  readonly outside: Link;
  readonly inside: Link;
}

type CheckOf = CheckCall<BridgeConfig>;

/** Throws code 104 with the first thing that is not as ADD left it. */
export function check(call: CheckOf, host: Netns, container: Netns): void {
  const { prevResult } = call;
  if (!prevResult) throw configError("prevResult", "given for CHECK", undefined);
  ipam.checkLease(call);
  const found = findAttachment(call, host, container);
  const ips = ownIps(call, prevResult);
  const addresses = cidrsOf(ips);
  const fault =
    reportFault(call, prevResult, found) ??
    bridgeFault(call.config, found.bridge) ??
    portFault(call.config, host, found) ??
    (call.config.leaveDown || found.inside.isUp ? undefined : "it should be up") ??
    findAddressFault(container, found.inside, addresses) ??
    findRouteFault(container, routesOf(prevResult, addresses)) ??
    gatewayFault(call.config, host, ips) ??
    masqueradeFault(call, host, addresses) ??
    spoofFault(call, host, found) ??
    findGuardFault(host, found.bridge);
  confirm(call, fault);
}

/** The three links of the attachment, found from the container outwards. */
function findAttachment(call: CheckOf, host: Netns, container: Netns): Found {
  const inside = findLink(container, call.attachment.ifName);
  if (!inside) throw checkFailed(call, "there is no such interface");
  if (inside.kind !== "veth")
    throw checkFailed(call, `it should be a veth, found "${inside.kind}"`);
  const bridge = findLink(host, call.config.bridge);
  if (!bridge) throw checkFailed(call, `bridge "${call.config.bridge}" does not exist`);
  const outside = inside.peer > 0 ? findLink(host, inside.peer) : undefined;
  if (outside?.kind !== "veth" || outside.peer !== inside.index) {
    throw checkFailed(call, `CNI veth created for bridge ${bridge.name} was not found on the host`);
  }
  return { bridge, outside, inside };
}

/** The links bear the hardware addresses that were reported, and the container's its sandbox. */
function reportFault(call: CheckOf, result: Result, found: Found): string | undefined {
  const inside = reported(result, found.inside.name, true);
  const outside = reported(result, found.outside.name, false);
  const bridge = reported(result, found.bridge.name, false);
  if (!inside) return "prevResult does not list it";
  if (inside.sandbox !== call.netns) {
    return `Sandbox in prevResult "${inside.sandbox}" doesn't match configured netns: "${call.netns}"`;
  }
  if (!outside) return `prevResult does not list its host end "${found.outside.name}"`;
  if (!bridge) return `prevResult does not list bridge "${found.bridge.name}"`;
  return (
    macFault(inside, found.inside) ??
    macFault(outside, found.outside) ??
    macFault(bridge, found.bridge)
  );
}

function reported(result: Result, name: string, inside: boolean): ResultInterface | undefined {
  return result.interfaces?.find(
    (link) => link.name === name && ((link.sandbox ?? "") !== "") === inside,
  );
}

function macFault({ mac }: ResultInterface, link: Link): string | undefined {
  const found = formatMac(link.mac);
  if (mac === undefined || mac === "" || mac.toLowerCase() === found) return undefined;
  return `"${link.name}" should have hardware address ${mac}, found ${found}`;
}

function bridgeFault(config: BridgeConfig, bridge: Link): string | undefined {
  if (bridge.kind !== "bridge") return `"${bridge.name}" should be a bridge`;
  if (!bridge.isUp) return `bridge "${bridge.name}" should be up`;
  if (bridge.isPromiscuous !== config.promiscuous) {
    return `bridge "${bridge.name}" should ${config.promiscuous ? "" : "not "}be promiscuous`;
  }
  return undefined;
}

function portFault(config: BridgeConfig, host: Netns, found: Found): string | undefined {
  const { outside, bridge } = found;
  const port = `its host end "${outside.name}"`;
  if (outside.master !== bridge.index) return `${port} should be a port of bridge "${bridge.name}"`;
  if (!outside.isUp) return `${port} should be up`;
  if (outside.hairpin !== config.hairpin) return `${port} should have hairpin ${config.hairpin}`;
  if (config.isolated && !outside.isolated) return `${port} should be isolated`; // or firewall's
  if (config.mtu > 0 && outside.mtu !== config.mtu) {
    return `${port} should have MTU ${config.mtu}, found ${outside.mtu}`;
  }
  return config.vlan ? vlanFault(host, outside, config.vlan) : undefined;
}

/** ADD says of its addresses whose they are; only if nobody does, all that may be are looked for. */
function ownIps({ attachment }: CheckOf, result: Result): readonly ResultIp[] {
  const own = ipsOf(result, attachment.ifName, "own");
  return own.length > 0 ? own : ipsOf(result, attachment.ifName, "unsaid");
}

/** The routes by way of this attachment's subnets: others' are in the result of a list as well. */
function routesOf({ routes = [] }: Result, addresses: readonly Cidr[]) {
  return routes.flatMap(({ dst, gw, table }) => {
    const destination = parseCidr(dst);
    const gateway = gw === undefined ? undefined : parseAddress(gw);
    const isOurs = !gateway || addresses.some((cidr) => containsAddress(networkOf(cidr), gateway));
    return destination && isOurs ? [{ destination, gateway, table }] : [];
  });
}

function gatewayFault(
  config: BridgeConfig,
  host: Netns,
  ips: readonly ResultIp[],
): string | undefined {
  if (!config.isGateway || ips.length === 0) return undefined;
  const name = config.vlan?.access ? vlanLinkName(config) : config.bridge;
  const link = findLink(host, name);
  if (!link) return `gateway interface "${name}" does not exist`;
  const gateways = ips.flatMap(gatewayOf);
  for (const family of [4, 6] as const) {
    const length = family === 4 ? 4 : 16;
    if (!gateways.some(({ address }) => address.length === length)) continue;
    const sysctl = forwardingSysctl(family);
    if (findSysctl(host, sysctl) !== "1") return `sysctl net/${sysctl} should be 1`;
  }
  return findAddressFault(host, link, gateways);
}

function gatewayOf({ address, gateway }: ResultIp): Cidr[] {
  const cidr = parseCidr(address);
  if (!cidr) return [];
  const own = gateway === undefined ? undefined : parseAddress(gateway);
  return [
    { address: own ?? nextAddress(networkOf(cidr).address), prefixLength: cidr.prefixLength },
  ];
}

function masqueradeFault(
  call: CheckOf,
  host: Netns,
  addresses: readonly Cidr[],
): string | undefined {
  if (!call.config.ipMasq || addresses.length === 0) return undefined;
  return masquerading.findMasqueradeFault(host, {
    owner: call.attachment,
    addresses,
    backend: call.config.ipMasqBackend,
  });
}

function spoofFault(call: CheckOf, host: Netns, found: Found): string | undefined {
  const { bridge, outside, inside } = found;
  const check = call.config.macSpoofCheck;
  if (!check) return undefined;
  const port = { name: outside.name, mac: inside.mac, check, bridge };
  return spoofCheck.findSpoofCheckFault(host, call.attachment, port);
}
