/** What a daemon says of itself by its socket, and how people see it. */

import { formatAddress } from "../../lib/ip/address.ts";
import { formatCidr } from "../../lib/ip/cidr.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import type { Peer } from "../../lib/overlay/peers.ts";
import type { OverlayConfig } from "./config.ts";
import type { Reconciled } from "./underlay.ts";

/** What the socket answers, as JSON. */
export interface Health extends Partial<EndsHealth> {
  readonly network: string;
  readonly isReady: boolean;
  readonly problem?: string;
  /** What keeps hosts from being reached, while the others are: those left out, and why. */
  readonly limits: readonly string[];
  readonly device: string;
  readonly deviceV6?: string;
  readonly mtu?: number;
  readonly changes: number;
  readonly passes: number;
  readonly peers: readonly PeerHealth[];
}

/** A host's ends: that of its only or first device, and of the second. */
interface EndsHealth {
  readonly publicIP: string;
  readonly vtepMAC: string;
  readonly publicIPv6?: string;
  readonly vtepMACv6?: string;
}

interface PeerHealth extends EndsHealth {
  readonly subnet: string;
}

/** What a daemon knows of itself. */
export interface Progress {
  /** What was last right, and what keeps it from being so now. */
  readonly last: Reconciled | undefined;
  readonly problem: string | undefined;
  readonly changes: number;
  readonly passes: number;
}

/** The socket of a network's daemon. */
export function socketOf({ name }: OverlayConfig): string {
  return `/run/weft/${name}/overlay.sock`;
}

/** What a daemon answers. */
export function healthOf(
  config: OverlayConfig,
  { last, problem, changes, passes }: Progress,
): Health {
  return {
    network: config.name,
    isReady: last !== undefined && problem === undefined,
    ...(problem === undefined ? {} : { problem }),
    limits: last?.limits ?? [],
    device: config.device,
    ...(config.deviceV6 === undefined ? {} : { deviceV6: config.deviceV6 }),
    ...(last ? hostHealth(last) : {}),
    changes,
    passes,
    peers: last ? peersHealth(last) : [],
  };
}

function hostHealth({ node, devices }: Reconciled) {
  const ends = node.vteps.map(({ publicIP }, i) => ({
    publicIP,
    mac: devices[i]?.mac ?? new Uint8Array(0),
  }));
  return { ...endsHealth(ends), mtu: node.mtu };
}

function peersHealth({ peers }: Reconciled): readonly PeerHealth[] {
  const [first, second] = peers.lists;
  const all: PeerHealth[] = [];
  first?.forEach((peer, number) => {
    const ends = second ? [peer, second.get(number)] : [peer];
    const subnets = ends.flatMap((end) => end.subnets.map(formatCidr));
    all.push({ ...endsHealth(ends), subnet: subnets.join(" ") });
  });
  return all;
}

function endsHealth([first, second]: readonly Pick<Peer, "publicIP" | "mac">[]): EndsHealth {
  return {
    publicIP: first ? formatAddress(first.publicIP) : "",
    vtepMAC: first ? formatMac(first.mac) : "",
    ...(second
      ? { publicIPv6: formatAddress(second.publicIP), vtepMACv6: formatMac(second.mac) }
      : {}),
  };
}

/** The same for people, line by line. */
export function healthInWords(health: Health): readonly string[] {
  const { problem = "none", limits, peers } = health;
  return [
    `network ${health.network}, ${endsInWords(health)}, MTU ${health.mtu ?? 0}`,
    `problem: ${problem}`,
    ...limits.map((limit) => `limited: ${limit}`),
    "",
    ...columns([["PEER", "SUBNET", "VTEP MAC"], ...peers.map(peerCells)]),
  ];
}

function endsInWords({ device, publicIP = "unknown", deviceV6, publicIPv6 = "unknown" }: Health) {
  const first = `device ${device}, public address ${publicIP}`;
  return deviceV6 === undefined
    ? first
    : `${first}, device ${deviceV6}, public address ${publicIPv6}`;
}

function peerCells({ publicIP, publicIPv6, subnet, vtepMAC, vtepMACv6 }: PeerHealth) {
  return publicIPv6 === undefined
    ? [publicIP, subnet, vtepMAC]
    : [`${publicIP} ${publicIPv6}`, subnet, `${vtepMAC} ${vtepMACv6}`];
}

/** Cells of one column are as wide as the widest. */
function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => (row[i] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
