/** One of this host's vxlan devices with all that belongs to it: addresses, entries, guard. */

import { CniError, Code } from "../../lib/cni/error.ts";
import { family } from "../../lib/ip/address.ts";
import { deleteLinkIf, type Link, type LinkRef } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { overlayOwner, readAlias } from "../../lib/overlay/alias.ts";
import { ensureAlias, ensureVxlan, findVxlan, type Vxlan } from "../../lib/overlay/device.ts";
import { findEntryFaults, reconcileEntries } from "../../lib/overlay/entries.ts";
import { deleteGuard, findGuardFaults, shutOut } from "../../lib/overlay/guard.ts";
import type { Guarded, Tell } from "../../lib/overlay/overlay.ts";
import type { OwnDevice, SentEntries } from "../../lib/overlay/own-events.ts";
import { PeerList } from "../../lib/overlay/peers.ts";
import { ensureVtepAddresses } from "../../lib/overlay/vtep-addresses.ts";
import type { OverlayConfig } from "./config.ts";
import type { DevicePlan } from "./device-plan.ts";
import type { Vtep } from "./node.ts";

/** Where a device leads. */
export interface Reach {
  readonly uplink: LinkRef;
  readonly peers: PeerList;
}

/** How a device is made equal to its plan. */
export interface Ensuring extends Reach {
  readonly uplink: Link;
  readonly plan: DevicePlan;
  /** What its alias says where all of it is right. */
  readonly stamp: string;
  readonly addsOnly: boolean | undefined;
  readonly doing: Doing | undefined;
  readonly tell: Tell;
}

/** Told what is done as it is done, so that the kernel's events of it can be known. */
export interface Doing {
  /** A device is right; its entries are looked at next. */
  readonly onDevice: (own: OwnDevice) => void;
  readonly onEntries: (device: LinkRef, entries: SentEntries) => void;
}

/** A device with its addresses and entries; until all are right its alias has no other stamp. */
export function ensureDevice(config: OverlayConfig, host: Netns, ensuring: Ensuring): Vxlan {
  const { plan, uplink, peers, stamp, addsOnly, doing, tell } = ensuring;
  const { vtep, spec, owner } = plan;
  const guarded = guardedBy(config, vtep, { uplink, peers });
  const { device: found, isNew, stale } = ensureVxlan(host, spec, { guarded, tell });
  const isCurrent = readAlias(owner, found.alias)?.stamp === stamp;
  const device = isCurrent ? found : ensureAlias(host, found, spec.alias);
  if (isNew) tell?.(`make vxlan device "${device.name}" for ${peers.size} peers`);
  const changes = isNew ? undefined : tell;
  const { networks, subnets } = vtep;
  ensureVtepAddresses(host, device, { subnets, tell: changes });
  doing?.onDevice({ device, isNew, subnets, uplink });
  const sent = doing && ((entries: SentEntries) => doing.onEntries(device, entries));
  reconcileEntries(host, { device, uplink, networks, peers, addsOnly, sent }, changes);
  if (!addsOnly) shutOut(host, guarded, { addresses: stale, tell: changes });
  return device;
}

/** What of a device is not as it is to be, each in words. */
export function findDeviceFaults(
  config: OverlayConfig,
  host: Netns,
  { vtep, uplink, peers }: Reach & { readonly vtep: Vtep },
): readonly string[] {
  const device = findVxlan(host, vtep.device);
  if (!device) return [`there is no vxlan device "${vtep.device}"`];
  if (!device.isUp) return [`vxlan device "${vtep.device}" is down`];
  const { networks } = vtep;
  const guarded = guardedBy(config, vtep, { uplink, peers });
  return [
    ...findEntryFaults(host, { device, uplink, networks, peers }),
    ...findGuardFaults(host, guarded),
  ];
}

/** Deletes a device with its routes and its guard; throws CniError if it is another's. */
export function removeDevice(
  config: OverlayConfig,
  host: Netns,
  { name, tell }: { readonly name: string; readonly tell: (what: string) => void },
): void {
  const owner = overlayOwner(config.name);
  const device = findVxlan(host, name);
  if (!device) {
    deleteGuard(host, name);
    return;
  }
  if (!readAlias(owner, device.alias)) {
    throw new CniError(Code.conflict, `Cannot delete link "${name}": it is not this network's`);
  }
  const uplink = { index: device.settings.uplink ?? 0, name: "uplink" };
  const { networks } = config;
  reconcileEntries(host, { device, uplink, networks, peers: new PeerList() }, tell);
  deleteLinkIf(host, device.index, ({ alias }) => readAlias(owner, alias) !== undefined);
  deleteGuard(host, name);
  tell(`delete vxlan device "${name}"`);
}

/** Who may send to a device: its peers, in datagrams that bear its port and its VNI. */
export function guardedBy(
  { port, vni }: OverlayConfig,
  { device, publicIP }: Vtep,
  { uplink, peers }: Reach,
): Guarded {
  return { device, port, vni, family: family(publicIP), uplink, peers };
}
