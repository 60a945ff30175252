/** The links of an attachment: the bridge, and a veth pair from it to the container. */

import { makePair, requireFreePair } from "../../lib/attach/pair.ts";
import type { AddCall } from "../../lib/cni/call.ts";
import { begin } from "../../lib/cni/steps.ts";
import type { Undo } from "../../lib/cni/undo.ts";
import type { Mac } from "../../lib/ip/mac.ts";
import { type BridgeSpec, ensureBridge } from "../../lib/net/bridge.ts";
import { findLinks, type Link } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { hostVethName, type Veth } from "../../lib/net/veth.ts";
import type { BridgeConfig } from "./config.ts";
import { setPortVlans } from "./vlan.ts";

/** What the bridge plugin connects. */
export interface Connected {
  readonly bridge: Link;
  readonly veth: Veth;
}

/** Both namespaces of an attachment, and the address its link is to have. */
export interface Ends {
  readonly host: Netns;
  readonly container: Netns;
  readonly mac: Mac | undefined;
}

/** True if the port's VLANs and the check of its addresses come before the port is up. */
export function isUpLater({ vlan, macSpoofCheck }: BridgeConfig): boolean {
  return vlan !== undefined || macSpoofCheck !== undefined;
}

/** The bridge as configured, and a veth pair from it to the container, whose end is still down. */
export function connect(call: AddCall<BridgeConfig>, ends: Ends, undo: Undo): Connected {
  const { config, attachment } = call;
  begin("bridge");
  const name = hostVethName(attachment);
  const [found, taken] = findLinks(ends.host, config.bridge, name);
  if (taken || !found) requireFreePair(call, ends.container, taken); // else the kernel will
  const bridge = ensureBridge(ends.host, bridgeSpec(config), found);
  const port = {
    master: bridge,
    hairpin: config.hairpin,
    isolated: config.isolated,
    isUp: !isUpLater(config),
  };
  const veth = makePair(call, { ...ends, mtu: config.mtu, port, name, taken }, undo);
  if (config.vlan) setPortVlans(ends.host, veth.outside, config.vlan);
  return { bridge, veth };
}

/** What the bridge is to be. */
export function bridgeSpec(config: BridgeConfig): BridgeSpec {
  return {
    name: config.bridge,
    mtu: config.mtu,
    promiscuous: config.promiscuous,
    vlanFiltering: config.vlan !== undefined,
    checksSources: config.macSpoofCheck !== undefined,
    isGateway: config.isGateway,
  };
}
