/** The vxlan device and its entries: made, kept right, compared. */

import { CniError, Code } from "../../lib/cni/error.ts";
import { formatCidr, hostCidr } from "../../lib/ip/cidr.ts";
import type { Netns } from "../../lib/net/netns.ts";
import {
  ensureVtepAddresses,
  findOverlayFaults,
  reconcile,
  type Tell,
} from "../../lib/net/overlay.ts";
import { sharedAlias } from "../../lib/net/owner.ts";
import type { PeerList } from "../../lib/net/peers.ts";
import { oneAtATime, stampOf } from "../../lib/net/record.ts";
import { ensureVxlan, findVxlan, setAlias, type Vxlan, vtepMac } from "../../lib/net/vxlan.ts";
import type { OverlayConfig } from "./config.ts";
import { type Node, readNode, stillFits } from "./node.ts";
import { readPeers } from "./peers.ts";

/** What the aliases of a network's devices begin with. */
function ownerOf({ name }: OverlayConfig): string {
  return sharedAlias("weft-overlay", name);
}

/** The keys that device and entries depend on; runtimes change the order, and add others. */
const OWN_KEYS = [
  ...["network", "subnet", "vni", "port", "device", "uplink", "publicIP", "mtu", "txChecksum"],
  ...["directRouting", "peers", "vtepMAC", "peersFile", "nodeFile"],
];

/** What a device was last made equal to: part of its alias, so it goes when the device goes. */
function stamp({ json, peersFile, nodeFile }: OverlayConfig): string {
  return stampOf(JSON.stringify(json, OWN_KEYS), [peersFile, nodeFile]);
}

/**
 * The device, with everything that leads to other hosts. If neither configuration nor files have
 * changed since it was last made right, that is three questions to the kernel.
 */
export function ensureUnderlay(config: OverlayConfig, host: Netns): Vxlan {
  return findRight(config, host) ?? alone(config, () => madeRight(config, host));
}

/** Another process may have been quicker. */
function madeRight(config: OverlayConfig, host: Netns): Vxlan {
  return findRight(config, host) ?? program(config, host, {}).device;
}

function findRight(config: OverlayConfig, host: Netns): Vxlan | undefined {
  const found = findVxlan(host, config.device);
  if (!found?.isUp || found.alias !== ownerOf(config) + stamp(config)) return undefined;
  return stillFits(config, host, found) ? found : undefined;
}

/** One process of a host at a time makes a network's device and entries. */
function alone<T>({ name }: OverlayConfig, body: () => T): T {
  return oneAtATime(`/run/weft/${name}/overlay.lock`, body);
}

/** What was made right. */
export interface Repair {
  readonly device: Vxlan;
  readonly node: Node;
  readonly peers: PeerList;
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
  const owner = ownerOf(config);
  const current = stamp(config);
  const alias = owner + (keepsPeers ? "" : current);
  const node = readNode(config, host);
  const source = [current, ...[hostCidr(node.publicIP), ...node.links].map(formatCidr)].join(" ");
  const isKnown = last && (keepsPeers || last.source === source);
  const peers = isKnown ? last.peers : readPeers(config, node);
  const { device, isNew } = ensureVxlan(host, specOf(config, node));
  if (isNew) tell?.(`make vxlan device "${device.name}" for ${peers.size} peers`);
  const isCurrent = device.alias === alias;
  if (!isCurrent && device.alias !== owner) setAlias(host, device, owner);
  ensureVtepAddresses(host, device, { subnets: node.subnets, tell: isNew ? undefined : tell });
  const { networks } = config;
  const overlay = { device, uplink: node.uplink, networks, peers };
  reconcile(host, overlay, isNew ? undefined : tell);
  if (!isCurrent && alias !== owner) setAlias(host, device, alias);
  return { device, node, peers, source: keepsPeers ? "" : source };
}

function specOf(config: OverlayConfig, node: Node) {
  const { vni, port, checksum } = config;
  return {
    name: config.device,
    vni,
    port,
    local: node.publicIP,
    uplink: node.uplink.index,
    mtu: node.mtu,
    mac: vtepMac(node.publicIP, vni),
    checksum,
    owner: ownerOf(config),
  };
}

/** What is wrong, in words; nothing if every host can be reached. */
export function findUnderlayFaults(config: OverlayConfig, host: Netns): readonly string[] {
  const node = readNode(config, host);
  const peers = readPeers(config, node);
  const device = findVxlan(host, config.device);
  if (!device) return [`there is no vxlan device "${config.device}"`];
  if (!device.isUp) return [`vxlan device "${config.device}" is down`];
  const { networks } = config;
  return findOverlayFaults(host, { device, uplink: node.uplink, networks, peers });
}

/** True if the device is there, whatever its state. */
export function hasDevice(config: OverlayConfig, host: Netns): boolean {
  return findVxlan(host, config.device) !== undefined;
}

/** Throws CniError, code 50, if this host could not join the network. */
export function requireReadiness(config: OverlayConfig, host: Netns): void {
  try {
    readPeers(config, readNode(config, host));
  } catch (cause) {
    throw new CniError(Code.notAvailable, CniError.from(cause).message);
  }
}
