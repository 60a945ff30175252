/**
 * CHECK: everything ADD made is still there. Each test returns what is wrong in words, or
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
import type { ResultIp } from "../../lib/cni/result.ts";
import { checkFailed, confirm } from "../../lib/cni/verdict.ts";
import { findGuardFault } from "../../lib/filter/loopback.ts";
import * as spoofCheck from "../../lib/filter/spoofcheck.ts";
import { nextAddress, parseAddress } from "../../lib/ip/address.ts";
import { type Cidr, networkOf, parseCidr } from "../../lib/ip/cidr.ts";
import { findAddressFault } from "../../lib/net/expect.ts";
import { findForwardingFault } from "../../lib/net/gateway.ts";
import { findLink, type Link } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
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
  requireResult(call);
  const found = findAttachment(call, host, container);
  const { inside } = found;
  const ips = ownIps(call);
  const fault =
    reportFault(call, inside, outsideOf(found)) ??
    bridgeFault(call.config, found.bridge) ??
    portFault(call.config, host, found) ??
    (call.config.leaveDown ? undefined : downFault(inside)) ??
    leaseFault(call, container, inside) ??
    gatewayFault(call.config, host, ips) ??
    masqueradeFault(call, host, ips) ??
    spoofFault(call, host, found) ??
    findGuardFault(host, found.bridge);
  confirm(call, fault);
}

/** The three links of the attachment, found from the container outwards. */
function findAttachment(call: CheckOf, host: Netns, container: Netns): Found {
  const inside = requireInside(call, container, "veth");
  const bridge = findLink(host, call.config.bridge);
  if (!bridge) throw checkFailed(call, `bridge "${call.config.bridge}" does not exist`);
  const outside = inside.peer > 0 ? findLink(host, inside.peer) : undefined;
  if (outside?.kind !== "veth" || outside.peer !== inside.index) {
    throw checkFailed(call, `CNI veth created for bridge ${bridge.name} was not found on the host`);
  }
  return { bridge, outside, inside };
}

function outsideOf({ bridge, outside }: Found) {
  return [
    { link: outside, inWords: `its host end "${outside.name}"` },
    { link: bridge, inWords: `bridge "${bridge.name}"` },
  ];
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
  const addresses = gateways.map(({ address }) => address);
  return findForwardingFault(host, addresses) ?? findAddressFault(host, link, gateways);
}

function gatewayOf({ address, gateway }: ResultIp): Cidr[] {
  const cidr = parseCidr(address);
  if (!cidr) return [];
  const own = gateway === undefined ? undefined : parseAddress(gateway);
  return [
    { address: own ?? nextAddress(networkOf(cidr).address), prefixLength: cidr.prefixLength },
  ];
}

function spoofFault(call: CheckOf, host: Netns, found: Found): string | undefined {
  const { bridge, outside, inside } = found;
  const check = call.config.macSpoofCheck;
  if (!check) return undefined;
  const port = { name: outside.name, mac: inside.mac, check, bridge };
  return spoofCheck.findSpoofCheckFault(host, call.attachment, port);
}
