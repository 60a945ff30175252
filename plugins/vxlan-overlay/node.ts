/** This host: its part of the network, the addresses others reach it under, the link they come by. */

import { CniError, Code, configError } from "../../lib/cni/error.ts";
import {
  equalAddresses,
  type Family,
  family,
  formatAddress,
  type IpAddress,
} from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import type { Mac } from "../../lib/ip/mac.ts";
import { findLink, type Link } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { findDefaultUplink, linkSubnets } from "../../lib/net/uplink.ts";
import {
  type NodeFile,
  nodeMac,
  nodePublicIP,
  nodeSubnets,
  openNodeFile,
} from "../../lib/overlay/contract/node.ts";
import { keysOfEnd } from "../../lib/overlay/contract/values.ts";
import type { Vxlan } from "../../lib/overlay/device.ts";
import { readJson } from "../../lib/state/record.ts";
import { type OverlayConfig, readOrRefuse, requireFamily } from "./config.ts";

/** What there is to know of this host before its devices are looked at. */
export interface Node {
  readonly uplink: Link;
  /** The uplink's own addresses and subnets. */
  readonly links: readonly Cidr[];
  /** What the containers' packets may measure. */
  readonly mtu: number;
  /** The first for IPv4 or for both families, the second for IPv6. */
  readonly vteps: readonly Vtep[];
}

/** An end of tunnels (VTEP) of this host: a device, the address of its packets, what they carry. */
export interface Vtep {
  readonly device: string;
  readonly publicIP: IpAddress;
  /** What of the network it is for, and which part of that is this host's. */
  readonly networks: readonly Cidr[];
  readonly subnets: readonly Cidr[];
  /** What the node file says of the device; undefined: computed, or what it has. */
  readonly mac: Mac | undefined;
  readonly mtu: number;
}

/** What an outer packet adds: Ethernet, IPv4 or IPv6, UDP and VXLAN headers. */
const OVERHEAD: Readonly<Record<Family, number>> = { 4: 50, 6: 70 };
const IPV6_LEAST_MTU = 1280;

/** Reads what there is to know of this host; throws CniError, code 50, if something is missing. */
export function readNode(config: OverlayConfig, host: Netns): Node {
  const file = readNodeFile(config);
  const subnets = readSubnets(config, file);
  const uplink = findUplink(config, host);
  const links = linkSubnets(host, uplink);
  const vteps = devicesOf(config).map((device, end): Vtep => {
    const publicIP = findPublicIP(config, end, { file, uplink, links });
    const isOurs = ({ address }: Cidr) => !config.deviceV6 || family(address) === familyOf(end);
    return {
      device,
      publicIP,
      networks: config.networks.filter(isOurs),
      subnets: subnets.filter(isOurs),
      mac: readOrRefuse(() => nodeMac(file, end)),
      mtu: mtuOf(config, uplink, publicIP),
    };
  });
  return { uplink, links, mtu: Math.min(...vteps.map(({ mtu }) => mtu)), vteps };
}

/** The names of a network's devices. */
export function devicesOf({ device, deviceV6 }: OverlayConfig): readonly string[] {
  return deviceV6 === undefined ? [device] : [device, deviceV6];
}

/** This host's subnets; where they are not known any more, the whole network. */
export function subnetsIfKnown(config: OverlayConfig): readonly Cidr[] {
  try {
    return readSubnets(config, readNodeFile(config));
  } catch {
    return config.networks;
  }
}

/** A device that was made right once: does the uplink still have its address, and the size? */
export function stillFits(config: OverlayConfig, host: Netns, { mtu, settings }: Vxlan): boolean {
  const local = settings.local ?? settings.local6;
  const uplink = findLink(host, settings.uplink ?? 0);
  if (!uplink || !local || mtu !== (config.mtu ?? uplink.mtu - OVERHEAD[family(local)]))
    return false;
  return linkSubnets(host, uplink).some(({ address }) => equalAddresses(address, local));
}

function readNodeFile({ nodeFile }: OverlayConfig): NodeFile {
  const json = readJson(nodeFile);
  return readOrRefuse(() => openNodeFile(json, nodeFile));
}

/** This host's subnets: of the configuration, else of the node file. */
function readSubnets(config: OverlayConfig, file: NodeFile): readonly Cidr[] {
  if (config.subnets.length > 0) return config.subnets;
  const subnets = readOrRefuse(() => nodeSubnets(file, config.networks));
  if (subnets.length > 0) return subnets;
  throw missing(config, `neither the configuration nor "${config.nodeFile}" names a subnet`);
}

/** What this host's addresses are found by. */
interface Surroundings {
  readonly file: NodeFile;
  readonly uplink: Link;
  readonly links: readonly Cidr[];
}

/** What configuration or node file say, else the first address of the uplink that will do. */
function findPublicIP(config: OverlayConfig, end: number, around: Surroundings): IpAddress {
  const { file, uplink, links } = around;
  const { publicIP: key } = keysOfEnd(end);
  const written = config[key] ?? readOrRefuse(() => nodePublicIP(file, end));
  if (written && config.deviceV6) requireFamily(written, familyOf(end), key);
  const isFitting = ({ address }: Cidr) => !config.deviceV6 || family(address) === familyOf(end);
  const found = written ?? links.find(isFitting)?.address;
  if (!found) {
    const which = config.deviceV6 ? `IPv${familyOf(end)} ` : "";
    throw missing(config, `uplink "${uplink.name}" has no ${which}address others can reach`);
  }
  if (links.some(({ address }) => equalAddresses(address, found))) return found;
  throw missing(config, `uplink "${uplink.name}" does not have address ${formatAddress(found)}`);
}

function findUplink(config: OverlayConfig, host: Netns): Link {
  if (config.uplink !== undefined) {
    const link = findLink(host, config.uplink);
    if (link) return link;
    throw missing(config, `there is no uplink "${config.uplink}"`);
  }
  const link = findDefaultUplink(host);
  if (link) return link;
  throw missing(config, "there is no default route, and the configuration names no uplink");
}

function mtuOf(config: OverlayConfig, uplink: Link, publicIP: IpAddress): number {
  const overhead = OVERHEAD[family(publicIP)];
  const mtu = config.mtu ?? uplink.mtu - overhead;
  const hasIpv6 = config.networks.some(({ address }) => family(address) === 6);
  if (hasIpv6 && mtu < IPV6_LEAST_MTU) {
    throw configError("mtu", `at least ${IPV6_LEAST_MTU} for a network with IPv6`, mtu);
  }
  if (mtu > uplink.mtu - overhead) {
    const most = `at most ${uplink.mtu - overhead}, what uplink "${uplink.name}" can carry`;
    throw configError("mtu", most, mtu);
  }
  return mtu;
}

/** The family of an end where each has its own. */
function familyOf(end: number): Family {
  return end === 0 ? 4 : 6;
}

function missing({ name }: OverlayConfig, state: string): CniError {
  return new CniError(Code.notAvailable, `Cannot join network "${name}": ${state}`);
}
