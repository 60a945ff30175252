/**
 * What bridge has on the host beside the container's link, made again where it was flushed: the
 * bridge with its gateways and routes, forwarding, masquerade, the MAC spoof check of the port, the
 * guard of 127.0.0.1.
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
import * as spoofCheck from "../../lib/filter/spoofcheck.ts";
import { type Cidr, formatCidr } from "../../lib/ip/cidr.ts";
import { parseMac } from "../../lib/ip/mac.ts";
import { ensureBridge, keepMac } from "../../lib/net/bridge.ts";
import { findAddressFault, findRouteFault } from "../../lib/net/expect.ts";
import { findLink, getLink, type Link } from "../../lib/net/link.ts";
import { addMissingRoutes, subnetRoutes } from "../../lib/net/missing-routes.ts";
import { findPortFault, joinBridge } from "../../lib/net/port.ts";
import * as schema from "./bridge.schema.json";
import { type BridgeConfig, parseBridgeConfig } from "./config.ts";
import { bridgeSpec } from "./connect.ts";
import { connectGateway, gatewayCidrs, servedLease, vlanLinkName } from "./gateway.ts";
import { setPortVlans, vlanFault } from "./vlan.ts";

type Call = Made<BridgeConfig>;

/** An attachment with its links. */
interface Joined extends Sides {
  readonly call: Call;
  readonly inside: Link;
  readonly outside: Link;
}

function partsOf(call: Call, sides: Sides): readonly Part[] {
  const { config } = call;
  const { host } = sides;
  const joined = { ...sides, call, ...linksOf(call, sides) };
  return [
    bridgePart(joined),
    portPart(joined),
    ...(config.isGateway ? gatewayParts(joined) : []),
    ...masqueradeParts(call, sides),
    ...(config.macSpoofCheck ? [spoofPart(joined, config.macSpoofCheck)] : []),
    {
      what: "guard of 127.0.0.1",
      fault: () => findGuardFault(host, findLink(host, config.bridge), gatewayLink(joined)),
      make: () => guardLoopback(host, findLink(host, config.bridge), gatewayLink(joined)),
    },
  ];
}

function linksOf(call: Call, { host, container }: Sides) {
  const inside = requireInside(call, container, "veth");
  const outside = findHostEnd(call, host, inside)?.link;
  if (outside) return { inside, outside };
  const what = `Cannot mend "${inside.name}" in "${call.netns}"`;
  throw new CniError(Code.conflict, `${what}: its other end was not found on the host`);
}

/** The bridge, which has the hardware address that was reported, for neighbours know it by that. */
function bridgePart({ call, host }: Joined): Part {
  const { config, prevResult } = call;
  const find = () => findLink(host, config.bridge);
  const reported = prevResult.interfaces?.find(
    ({ name, sandbox = "" }) => name === config.bridge && sandbox === "",
  );
  const mac = parseMac(reported?.mac ?? "");
  return {
    what: `bridge "${config.bridge}"`,
    fault: () => faultOfBridge(config, find()),
    make: () => {
      const found = find();
      const bridge = ensureBridge(host, bridgeSpec(config), found);
      if (!found && mac) keepMac(host, { ...bridge, mac });
    },
  };
}

function faultOfBridge(config: BridgeConfig, bridge: Link | undefined): string | undefined {
  if (!bridge) return `there is no bridge "${config.bridge}"`;
  const name = `bridge "${bridge.name}"`;
  if (!bridge.isUp) return `${name} is down`;
  if (config.promiscuous && !bridge.isPromiscuous) return `${name} is not promiscuous`;
  if (config.vlan && !bridge.vlanFiltering) return `${name} does not filter VLANs`;
  if (config.macSpoofCheck && bridge.learnsLinkLocal) return `${name} learns from frames to itself`;
  const heeds = config.isGateway && (bridge.acceptRa ?? 0) !== 0;
  return heeds ? `${name} heeds routers` : undefined;
}

/** The container's port: the same link, which may have lost its bridge. */
function portPart({ call, host, outside }: Joined): Part {
  const { bridge: name, hairpin, isolated, vlan } = call.config;
  const port = () => getLink(host, outside.index);
  const spec = (bridge: Link) => ({ bridge, hairpin, isolated });
  return {
    what: `port "${outside.name}" of "${name}"`,
    fault: () => {
      const bridge = findLink(host, name);
      if (!bridge) return `there is no bridge "${name}"`;
      return findPortFault(port(), spec(bridge)) ?? (vlan && vlanFault(host, outside, vlan));
    },
    make: () => {
      joinBridge(host, port(), spec(getLink(host, name)));
      if (vlan) setPortVlans(host, outside, vlan);
    },
  };
}

/** The link that has the gateways: the bridge, or that of its VLAN. */
function gatewayLink({ call: { config }, host }: Joined): Link | undefined {
  return findLink(host, config.vlan?.access ? vlanLinkName(config) : config.bridge);
}

/** The gateways with the routes to their subnets, and forwarding; without addresses none. */
function gatewayParts(joined: Joined): readonly Part[] {
  const { call, host } = joined;
  const { config } = call;
  const lease = servedLease(config, reportedLease(call));
  const gateways = gatewayCidrs(lease);
  if (gateways.length === 0) return [];
  const connect = () =>
    void connectGateway(config, host, { bridge: getLink(host, config.bridge), lease });
  const addresses = gateways.map(({ address }) => address);
  return [
    {
      what: `gateway ${gateways.map(formatCidr).join(", ")}`,
      fault: () => gatewayFault(joined, gateways),
      make: connect,
    },
    ...linkLocalParts(host, () => gatewayLink(joined), addresses),
    routePart(joined, gateways),
    forwardingPart(host, addresses),
  ];
}

function gatewayFault(joined: Joined, gateways: readonly Cidr[]): string | undefined {
  const link = gatewayLink(joined);
  if (!link) return "its link does not exist";
  return link.isUp ? findAddressFault(joined.host, link, gateways) : `"${link.name}" is down`;
}

/** The kernel makes these with the addresses, but never a second time. */
function routePart(joined: Joined, gateways: readonly Cidr[]): Part {
  const { host } = joined;
  const routes = subnetRoutes(gateways);
  return {
    what: `route to ${routes.map(({ destination }) => formatCidr(destination)).join(", ")}`,
    fault: () => {
      const link = gatewayLink(joined);
      return link ? findRouteFault(host, routes, link) : "its link does not exist";
    },
    make: () => {
      const link = gatewayLink(joined);
      if (link) addMissingRoutes(host, link, routes);
    },
  };
}

function spoofPart({ call, host, outside, inside }: Joined, check: spoofCheck.SpoofCheck): Part {
  const { attachment, config } = call;
  const port = { name: outside.name, mac: inside.mac, check };
  return {
    what: "MAC spoof check",
    fault: () => {
      const bridge = findLink(host, config.bridge);
      if (!bridge) return `there is no bridge "${config.bridge}"`;
      return spoofCheck.findSpoofCheckFault(host, attachment, { ...port, bridge });
    },
    make: () => spoofCheck.addSpoofCheck(host, attachment, port),
  };
}

export const mend = mending<BridgeConfig>(
  { name: "bridge", schema, args: ["MAC"], parseConfig: parseBridgeConfig },
  partsOf,
);
