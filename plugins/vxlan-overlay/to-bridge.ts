/** The bridge plugin of this image, which does what is the same on every bridge. */

import type { Call } from "../../lib/cni/call.ts";
import { handOver } from "../../lib/cni/delegate.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { flagAt, valueAt } from "../../lib/cni/netconf.ts";
import { formatCidr } from "../../lib/ip/cidr.ts";
import type { OverlayConfig } from "./config.ts";
import { subnetsIfKnown } from "./node.ts";

/** Runs a command of the bridge plugin on this call's attachment; returns what it prints. */
export function toBridge(call: Call<OverlayConfig>, command: string, mtu: number) {
  const { request, config } = call;
  const environment = { ...request.environment, command };
  return handOver("bridge", { ...request, environment }, bridgeConfig(config, mtu));
}

/** Masquerade is not the bridge's here: it would change the source of packets to other hosts. */
export function bridgeConfig(config: OverlayConfig, mtu: number): JsonObject {
  const { json, networks } = config;
  const isDefaultGateway = valueAt(json, "isDefaultGateway") !== false;
  const ipam = valueAt(json, "ipam") as JsonObject | undefined;
  const routes = isDefaultGateway ? [] : networks.map((network) => ({ dst: formatCidr(network) }));
  return {
    ...kept(json),
    type: "bridge",
    bridge: config.bridge,
    isGateway: true,
    isDefaultGateway,
    hairpinMode: flagAt(json, "hairpinMode"),
    promiscMode: flagAt(json, "promiscMode"),
    mtu,
    ipam: {
      type: "host-local",
      ...(routes.length > 0 ? { routes } : {}),
      ...(ipam?.ranges === undefined && ipam?.subnet === undefined ? rangesOf(config) : {}),
      ...ipam,
    },
  };
}

/** Where the subnets are not known any more, the network will do: IPAM frees what it finds. */
function rangesOf(config: OverlayConfig): JsonObject {
  const subnets = subnetsIfKnown(config);
  return { ranges: subnets.map((subnet) => [{ subnet: formatCidr(subnet) }]) };
}

const KEPT = [
  "cniVersion",
  "name",
  "dns",
  "args",
  "runtimeConfig",
  "prevResult",
  "cni.dev/valid-attachments",
  "cni.dev/attachments",
];

function kept(json: JsonObject): JsonObject {
  return Object.fromEntries(KEPT.filter((key) => key in json).map((key) => [key, json[key]]));
}
