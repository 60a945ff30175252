/**
 * All that leads to other hosts: the vxlan devices with what belongs to them, and the rules that
 * let the network's packets pass. Made, kept equal to what is written, compared, removed.
 */

import { CniError, Code } from "../../lib/cni/error.ts";
import * as networks from "../../lib/filter/forward-networks.ts";
import { formatCidr, hostCidr } from "../../lib/ip/cidr.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { heedNoRouters } from "../../lib/net/routers.ts";
import { aliasWith, overlayOwner, readAlias } from "../../lib/overlay/alias.ts";
import { ensureAlias, findVxlan, type Vxlan } from "../../lib/overlay/device.ts";
import { isGuarded } from "../../lib/overlay/guard.ts";
import type { Tell } from "../../lib/overlay/overlay.ts";
import { PeerList } from "../../lib/overlay/peers.ts";
import { oneAtATime, stampOf } from "../../lib/state/record.ts";
import type { OverlayConfig } from "./config.ts";
import { type DevicePlan, endsOf, planDevices } from "./device-plan.ts";
import { devicesOf, type Node, readNode, stillFits } from "./node.ts";
import { type Peers, readPeers, type Surroundings } from "./peers.ts";
import { type Doing, ensureDevice, findDeviceFaults, removeDevice } from "./vtep-device.ts";

/** What an ADD needs to know of it. */
export interface Underlay {
  /** What the containers' packets may measure. */
  readonly mtu: number;
  /** What keeps hosts from being reached, in words. */
  readonly limits: readonly string[];
}

/**
 * The devices, with everything that leads to other hosts. If neither configuration nor files have
 * changed since they were last reconciled, that is four questions to the kernel for each.
 */
export function ensureUnderlay(config: OverlayConfig, host: Netns): Underlay {
  const findOrReconcile = (): Underlay => {
    const found = findReconciled(config, host);
    if (found) return found;
    const { node, limits } = reconcileAll(config, host, {});
    return { mtu: node.mtu, limits };
  };
  return findReconciled(config, host) ?? withLock(config, findOrReconcile);
}

/** What was reconciled. */
export interface Reconciled {
  readonly devices: readonly Vxlan[];
  readonly node: Node;
  readonly peers: Peers;
  /** What keeps hosts from being reached, in words. */
  readonly limits: readonly string[];
  /** All that the peers were read from; while it is the same they are not read again. */
  readonly source: string;
}

/** All other hosts, by this host's ends and the subnets of its uplink. */
export type PeersOf = (around: Omit<Surroundings, "config">) => Peers;

/** What may differ between one who reconciles and another. */
export interface Reconciling {
  /** What the same process reconciled last. */
  readonly last?: Reconciled | undefined;
  /** True if what is written of peers now cannot be used, and the last ones are to stay. */
  readonly keepsPeers?: boolean;
  /** Who the peers are, for a program that knows it itself; else what configuration and file say. */
  readonly peersOf?: PeersOf | undefined;
  /** True for such a program, which lets the network's packets pass by itself: what it made counts for
   * each ADD, whatever link that one names. */
  readonly isKeeper?: boolean;
  /** True if the kernel may know better than the files: then only what is missing is set. */
  readonly addsOnly?: boolean;
  readonly doing?: Doing | undefined;
  /** Called with each change in words; a new device and all that belongs to it are one. */
  readonly tell?: Tell;
}

/** Makes all equal to what is written, whatever configuration and files were when it was last so. */
export function reconcile(config: OverlayConfig, host: Netns, how: Reconciling): Reconciled {
  return withLock(config, () => reconcileAll(config, host, how));
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

/** What is wrong, in words; nothing if every host that is not left out can be reached. */
export function findUnderlayFaults(
  config: OverlayConfig,
  host: Netns,
  reading: Reading = read(config, host),
): readonly string[] {
  const faults = findDevicesFaults(config, host, reading);
  const forwarding = networks.findNetworkFault(host, config);
  return forwarding === undefined ? faults : [...faults, forwarding];
}

/** The same, but for the rules that let the network's packets pass. */
export function findDevicesFaults(
  config: OverlayConfig,
  host: Netns,
  { node, peers }: Reading = read(config, host),
): readonly string[] {
  const { uplink } = node;
  return node.vteps.flatMap((vtep, i) =>
    findDeviceFaults(config, host, { vtep, uplink, peers: listOf(peers, i) }),
  );
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
  withLock(config, () => {
    for (const name of devicesOf(config)) removeDevice(config, host, { name, tell });
    networks.deleteNetwork(host, config);
  });
}

/** One process of a host at a time makes a network's devices and entries. */
export function withLock<T>({ name }: OverlayConfig, body: () => T): T {
  return oneAtATime(`/run/weft/${name}/overlay.lock`, body);
}

/* ---- what was reconciled, and is so still ---- */

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

/** The same where a program keeps them: it decides on link, addresses and size by itself. */
export function keeperStamp(config: OverlayConfig): string {
  const { networks, vni, port, device, deviceV6, directRouting, peers } = config;
  const own = [networks.map(formatCidr), vni, port, device, deviceV6, directRouting, peers];
  return stampOf(JSON.stringify(own), [config.peersFile, config.nodeFile]);
}

/** By the devices' aliases, without a look at their entries. */
function findReconciled(config: OverlayConfig, host: Netns): Underlay | undefined {
  const [owner, current] = [overlayOwner(config.name), stamp(config)];
  let [mtu, limits] = [Number.POSITIVE_INFINITY, 0];
  for (const name of devicesOf(config)) {
    const device = findVxlan(host, name);
    const mark = device?.isUp ? readAlias(owner, device.alias) : undefined;
    if (!device || !mark || !stillFits(config, host, device)) return undefined;
    if (mark.stamp !== current && mark.stamp !== keeperStamp(config)) return undefined;
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

/* ---- reconciling ---- */

/** Reads all there is and sends the difference. Everything is read before anything is changed. */
function reconcileAll(config: OverlayConfig, host: Netns, how: Reconciling): Reconciled {
  const { last, keepsPeers = false, tell } = how;
  const current = how.isKeeper ? keeperStamp(config) : stamp(config);
  const node = readNode(config, host);
  const plans = planDevices(config, host, node);
  const source = sourceOf(current, node, plans);
  const isKnown = last && (keepsPeers || last.source === source);
  const around = { ends: endsOf(plans), links: node.links };
  const read = how.peersOf ?? ((all: typeof around) => readPeers({ config, ...all }));
  const peers = isKnown ? last.peers : read(around);
  const made = plans.map((plan, i) => {
    const { addsOnly, doing } = how;
    const reach = { uplink: node.uplink, peers: listOf(peers, i), addsOnly, doing };
    return { plan, device: ensureDevice(config, host, { plan, ...reach, stamp: current, tell }) };
  });
  const forwarding = how.isKeeper ? undefined : networks.ensureNetwork(host, config, tell);
  const limits = [...peers.leftOut, ...(forwarding === undefined ? [] : [forwarding])];
  const mark = { stamp: keepsPeers ? "" : current, limits: limits.length };
  const devices = made.map(({ plan, device }) =>
    ensureAlias(host, device, aliasWith(plan.owner, { ...mark, mac: plan.keptMac })),
  );
  return { devices, node, peers, limits, source: keepsPeers ? "" : source };
}

/** What the peers are read from, and what they are compared with, as one text. */
function sourceOf(current: string, node: Node, plans: readonly DevicePlan[]): string {
  const own = node.vteps.map(({ publicIP }) => hostCidr(publicIP));
  const macs = plans.map(({ spec }) => formatMac(spec.mac));
  return [current, ...[...own, ...node.links].map(formatCidr), ...macs].join(" ");
}

function listOf({ lists }: Peers, device: number): PeerList {
  return lists[device] ?? new PeerList();
}

function read(config: OverlayConfig, host: Netns): Reading {
  const node = readNode(config, host);
  const ends = endsOf(planDevices(config, host, node));
  return { node, peers: readPeers({ config, ends, links: node.links }) };
}
