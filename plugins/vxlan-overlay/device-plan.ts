/** What this host's vxlan devices are to be: by configuration, node file, and what is there. */

import { formatMac, type Mac } from "../../lib/ip/mac.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { aliasWith, overlayOwner, readAlias } from "../../lib/overlay/alias.ts";
import type { OwnEnd } from "../../lib/overlay/contract/peers.ts";
import { vtepMac } from "../../lib/overlay/contract/vtep-mac.ts";
import { canTakeOver, findVxlan, type Vxlan, type VxlanSpec } from "../../lib/overlay/device.ts";
import type { OverlayConfig } from "./config.ts";
import type { Node, Vtep } from "./node.ts";

/** One device and what it is to be. */
export interface DevicePlan {
  readonly vtep: Vtep;
  readonly owner: string;
  /** The MAC that it was taken over with and keeps, if it is none that others compute. */
  readonly keptMac: Mac | undefined;
  readonly spec: VxlanSpec;
}

/** A plan for each of this host's devices. */
export function planDevices(config: OverlayConfig, host: Netns, node: Node): readonly DevicePlan[] {
  return node.vteps.map((vtep) => {
    const found = findVxlan(host, vtep.device);
    return planDevice(config, node, { vtep, found });
  });
}

/** This host as the others are to know it. */
export function endsOf(plans: readonly DevicePlan[]): readonly OwnEnd[] {
  return plans.map(({ vtep, spec }) => ({ ...vtep, mac: spec.mac }));
}

/** The MAC is what the node file says, else what a device was taken over with, else computed. */
function planDevice(
  config: OverlayConfig,
  node: Node,
  { vtep, found }: { readonly vtep: Vtep; readonly found: Vxlan | undefined },
): DevicePlan {
  const { vni, port, checksum, name: network } = config;
  const owner = overlayOwner(network);
  const fixed = { vni, port, local: vtep.publicIP, uplink: node.uplink.index };
  const computed = vtepMac(vtep.publicIP, vni);
  const former =
    found && (canTakeOver(found, fixed) ? found.mac : readAlias(owner, found.alias)?.mac);
  const isOther = former && !vtep.mac && formatMac(former) !== formatMac(computed);
  const keptMac = isOther ? former : undefined;
  const spec = {
    ...fixed,
    name: vtep.device,
    mtu: vtep.mtu,
    mac: vtep.mac ?? former ?? computed,
    checksum,
    owner,
    alias: aliasWith(owner, { mac: keptMac, stamp: "", limits: 0 }),
  };
  return { vtep, owner, keptMac, spec };
}
