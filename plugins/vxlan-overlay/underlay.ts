/** The vxlan devices and their entries: made, kept right, compared. */

import { CniError, Code } from "../../lib/cni/error.ts";
import * as networks from "../../lib/filter/forward-networks.ts";
import { family } from "../../lib/ip/address.ts";
import { formatCidr, hostCidr } from "../../lib/ip/cidr.ts";
import { formatMac, type Mac } from "../../lib/ip/mac.ts";
import { deleteLinkIf } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { heedNoRouters } from "../../lib/net/routers.ts";
import { vtepMac } from "../../lib/overlay/contract/vtep-mac.ts";
import {
  canTakeOver,
  ensureVxlan,
  findVxlan,
  type Guard,
  setAlias,
  type Vxlan,
  type VxlanSpec,
} from "../../lib/overlay/device.ts";
import { findEntryFaults, reconcileEntries } from "../../lib/overlay/entries.ts";
import {
  deleteGuard,
  ensureGuard,
  findGuardFaults,
  isGuarded,
  type PackedAddresses,
  shutOut,
} from "../../lib/overlay/guard.ts";
import type { Guarded, Overlay, Tell } from "../../lib/overlay/overlay.ts";
import { PeerList } from "../../lib/overlay/peers.ts";
import { ensureVtepAddresses } from "../../lib/overlay/vtep-addresses.ts";
import { oneAtATime, stampOf } from "../../lib/state/record.ts";
import { aliasWith, ownerOf, readAlias } from "./alias.ts";
import type { OverlayConfig } from "./config.ts";
import { devicesOf, type Node, readNode, stillFits, type Vtep } from "./node.ts";
import { type Peers, readPeers } from "./peers.ts";

/** The keys that device and entries depend on; runtimes change the order, and add others. */
const OWN_KEYS = [
  ...["network", "subnet", "vni", "port", "device", "deviceV6", "uplink", "mtu", "txChecksum"],
  ...["publicIP", "publicIPv6", "directRouting", "peers", "vtepMAC", "vtepMACv6"],
  ...["peersFile", "nodeFile"],
];

/** What a device was last made equal to: part of its alias. */
function stamp({ json, peersFile, nodeFile }: OverlayConfig): string {
  return stampOf(JSON.stringify(json, OWN_KEYS), [peersFile, nodeFile]);
}

/** What an ADD needs to know of it. */
export interface Underlay {
  /** What the containers' packets may measure. */
  readonly mtu: number;
  /** What keeps hosts from being reached, in words. */
  readonly limits: readonly string[];
}

/**
 * The devices, with everything that leads to other hosts. If neither configuration nor files have
 * changed since they were last made right, that is four questions to the kernel for each.
 */
export function ensureUnderlay(config: OverlayConfig, host: Netns): Underlay {
  return findRight(config, host) ?? alone(config, () => madeRight(config, host));
}

/** Another process may have been quicker. */
function madeRight(config: OverlayConfig, host: Netns): Underlay {
  const found = findRight(config, host);
  if (found) return found;
  const { node, limits } = program(config, host, {});
  return { mtu: node.mtu, limits };
}

function findRight(config: OverlayConfig, host: Netns): Underlay | undefined {
  const [owner, current] = [ownerOf(config), stamp(config)];
  let [mtu, limits] = [Number.POSITIVE_INFINITY, 0];
  for (const name of devicesOf(config)) {
    const device = findVxlan(host, name);
    const mark = device?.isUp ? readAlias(owner, device.alias) : undefined;
    if (!device || mark?.stamp !== current || !stillFits(config, host, device)) return undefined;
    heedNoRouters(host, device);
    if (!isGuarded(host, name)) return undefined;
    mtu = Math.min(mtu, device.mtu);
    limits = mark.limits;
  }
  return {
    mtu,
    limits: limits === 0 ? [] : [`not every host is reached: STATUS names ${limits} reasons`],
  };
}

/** One process of a host at a time makes a network's devices and entries. */
function alone<T>({ name }: OverlayConfig, body: () => T): T {
  return oneAtATime(`/run/weft/${name}/overlay.lock`, body);
}

/** What was made right. */
export interface Repair {
  readonly devices: readonly Vxlan[];
  readonly node: Node;
  readonly peers: Peers;
  /** What keeps hosts from being reached, in words. */
  readonly limits: readonly string[];
  /** All that the peers were read from; while it is the same they are not read again. */
  readonly source: string;
}

/** What may differ between one who makes it right and another. */
export interface Repairing {
  /** What was made right last by the same process. */
  readonly last?: Repair | undefined;
  /** True if what is written of peers now cannot be used, and the last ones are to stay. */
  readonly keepsPeers?: boolean;
  /** Called with each change in words; a new device and all that belongs to it are one. */
  readonly tell?: Tell;
}

/** Makes all right, whatever configuration and files were when it was last so. */
export function makeRight(config: OverlayConfig, host: Netns, repairing: Repairing): Repair {
  return alone(config, () => program(config, host, repairing));
}

/** Reads all there is and sends the difference. Everything is read before anything is changed. */
function program(config: OverlayConfig, host: Netns, repairing: Repairing): Repair {
  const { last, keepsPeers = false, tell } = repairing;
  const current = stamp(config);
  const node = readNode(config, host);
  const ends = endsOf(config, host, node);
  const own = ends.map(({ vtep, spec }) => ({ ...vtep, mac: spec.mac }));
  const macs = own.map(({ mac }) => mac);
  const known = [...node.vteps.map(({ publicIP }) => hostCidr(publicIP)), ...node.links];
  const source = [current, ...known.map(formatCidr), ...macs.map(formatMac)].join(" ");
  const isKnown = last && (keepsPeers || last.source === source);
  const peers = isKnown ? last.peers : readPeers({ config, ends: own, links: node.links });
  const devices = ends.map((end, i) => {
    const list = peers.lists[i] ?? new PeerList();
    return makeEnd(host, { ...end, config, list, uplink: node.uplink, stamp: current, tell });
  });
  const forwarding = networks.ensureNetwork(host, config, tell);
  const limits = [...peers.leftOut, ...(forwarding === undefined ? [] : [forwarding])];
  const mark = { stamp: keepsPeers ? "" : current, limits: limits.length };
  for (const [i, { owner, mac }] of ends.entries()) {
    const device = devices[i];
    if (device) writeAlias(host, device, aliasWith(owner, { ...mark, mac }));
  }
  return { devices, node, peers, limits, source: keepsPeers ? "" : source };
}

/** One device and what it is to be. */
interface End {
  readonly vtep: Vtep;
  readonly owner: string;
  /** The MAC that it was taken over with and keeps. */
  readonly mac: Mac | undefined;
  readonly spec: VxlanSpec;
}

function endsOf(config: OverlayConfig, host: Netns, node: Node): readonly End[] {
  return node.vteps.map((vtep) =>
    endOf(config, node, { vtep, found: findVxlan(host, vtep.device) }),
  );
}

/** The MAC is what the node file says, else what a device was taken over with, else computed. */
function endOf(
  config: OverlayConfig,
  node: Node,
  { vtep, found }: { readonly vtep: Vtep; readonly found: Vxlan | undefined },
): End {
  const { vni, port, checksum } = config;
  const owner = ownerOf(config);
  const computed = vtepMac(vtep.publicIP, vni);
  const fixed = { vni, port, local: vtep.publicIP, uplink: node.uplink.index };
  const kept =
    found && (canTakeOver(found, fixed) ? found.mac : readAlias(owner, found.alias)?.mac);
  const isOther = kept && !vtep.mac && formatMac(kept) !== formatMac(computed);
  const mac = isOther ? kept : undefined;
  const spec = {
    ...fixed,
    name: vtep.device,
    mtu: vtep.mtu,
    mac: vtep.mac ?? kept ?? computed,
    checksum,
    owner,
    alias: aliasWith(owner, { mac, stamp: "", limits: 0 }),
  };
  return { vtep, owner, mac, spec };
}

interface Making extends End {
  readonly config: OverlayConfig;
  readonly list: PeerList;
  readonly uplink: Overlay["uplink"];
  readonly stamp: string;
  readonly tell: Tell;
}

/** A device with its addresses and entries; until all are right its alias has no other stamp. */
function makeEnd(host: Netns, making: Making): Vxlan {
  const { config, vtep, spec, owner, list, uplink, stamp, tell } = making;
  const guarded = guardedBy(config, vtep, { uplink, list });
  const done: string[] = [];
  let stale: PackedAddresses = [];
  const guard: Guard = {
    ensure() {
      stale = ensureGuard(host, guarded, (what) => done.push(what));
    },
    remove: () => deleteGuard(host, spec.name),
  };
  const { device: found, isNew } = ensureVxlan(host, spec, { guard, tell });
  if (!isNew) for (const what of done) tell?.(what);
  const isCurrent = readAlias(owner, found.alias)?.stamp === stamp;
  if (!isCurrent) writeAlias(host, found, spec.alias);
  const device = isCurrent ? found : { ...found, alias: spec.alias };
  if (isNew) tell?.(`make vxlan device "${device.name}" for ${list.size} peers`);
  const changes = isNew ? undefined : tell;
  const { networks: own, subnets } = vtep;
  const overlay = { device, uplink, networks: own, peers: list };
  ensureVtepAddresses(host, device, { subnets, tell: changes });
  reconcileEntries(host, overlay, changes);
  shutOut(host, guarded, { addresses: stale, tell: changes });
  return device;
}

/** Who may send to a device: its peers, in datagrams that bear its port and its VNI. */
function guardedBy(
  { port, vni }: OverlayConfig,
  { device, publicIP }: Vtep,
  { uplink, list: peers }: { readonly uplink: Guarded["uplink"]; readonly list: PeerList },
): Guarded {
  return { device, port, vni, family: family(publicIP), uplink, peers };
}

function writeAlias(host: Netns, device: Vxlan, alias: string): void {
  if (device.alias !== alias) setAlias(host, device, alias);
}

/** What this host and the others are, as far as it is written and can be used. */
export interface Reading {
  readonly node: Node;
  readonly peers: Peers;
}

/** Reads without changing anything; throws CniError, code 50, if this host could not join. */
export function requireReadiness(config: OverlayConfig, host: Netns): Reading {
  try {
    return read(config, host);
  } catch (cause) {
    throw new CniError(Code.notAvailable, CniError.from(cause).message);
  }
}

function read(config: OverlayConfig, host: Netns): Reading {
  const node = readNode(config, host);
  const own = endsOf(config, host, node).map(({ vtep, spec }) => ({ ...vtep, mac: spec.mac }));
  return { node, peers: readPeers({ config, ends: own, links: node.links }) };
}

/** What is wrong, in words; nothing if every host that is not left out can be reached. */
export function findUnderlayFaults(
  config: OverlayConfig,
  host: Netns,
  reading = read(config, host),
): readonly string[] {
  const { node, peers } = reading;
  const faults = node.vteps.flatMap((vtep, i) => {
    const device = findVxlan(host, vtep.device);
    if (!device) return [`there is no vxlan device "${vtep.device}"`];
    if (!device.isUp) return [`vxlan device "${vtep.device}" is down`];
    const list = peers.lists[i] ?? new PeerList();
    const overlay = { device, uplink: node.uplink, networks: vtep.networks, peers: list };
    const guarded = guardedBy(config, vtep, { uplink: node.uplink, list });
    return [...findEntryFaults(host, overlay), ...findGuardFaults(host, guarded)];
  });
  const forwarding = networks.findNetworkFault(host, config);
  return forwarding === undefined ? faults : [...faults, forwarding];
}

/** True if one of the devices is there, whatever its state. */
export function hasDevice(config: OverlayConfig, host: Netns): boolean {
  return devicesOf(config).some((name) => findVxlan(host, name) !== undefined);
}

/** True if every device has its guard, as far as one question for each tells. */
export function areGuarded(config: OverlayConfig, host: Netns): boolean {
  return devicesOf(config).every((name) => isGuarded(host, name));
}

/** Takes away the network's devices, with their routes, and what lets its packets pass. */
export function removeUnderlay(
  config: OverlayConfig,
  host: Netns,
  tell: (what: string) => void,
): void {
  const owner = ownerOf(config);
  alone(config, () => {
    for (const name of devicesOf(config)) {
      const device = findVxlan(host, name);
      if (!device) {
        deleteGuard(host, name);
        continue;
      }
      if (!readAlias(owner, device.alias)) {
        throw new CniError(Code.conflict, `Cannot delete link "${name}": it is not this network's`);
      }
      const uplink = { index: device.settings.uplink ?? 0, name: "uplink" };
      const overlay = { device, uplink, networks: config.networks, peers: new PeerList() };
      reconcileEntries(host, overlay, tell);
      deleteLinkIf(host, device.index, ({ alias }) => readAlias(owner, alias) !== undefined);
      deleteGuard(host, name);
      tell(`delete vxlan device "${name}"`);
    }
    networks.deleteNetwork(host, config);
  });
}
