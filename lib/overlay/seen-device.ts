/**
 * A vxlan device for people: how it wraps packets, and which hosts it leads to, as its routes,
 * neighbours and fdb entries say. It is ours, or flannel's, which makes the same.
 *
 *   10.244.2.0/24 via 10.244.2.0 ─▶ 10.244.2.0 lladdr 02:ab:… ─▶ 02:ab:… dst 192.0.2.2
 */

import { formatAddress, type IpAddress } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import { formatMac } from "../ip/mac.ts";
import type { LinkRef } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { findVxlan } from "./device.ts";
import type { Entry, RouteEntry } from "./entry.ts";
import { entryOf } from "./entry-key.ts";
import { foundEntries } from "./found-entries.ts";
import { PeerList } from "./peers.ts";

/** A device as it is; undefined or 0 is what it was not told. */
export interface SeenDevice {
  readonly vni: number;
  readonly port: number;
  readonly local: IpAddress | undefined;
  /** Index of the link that wrapped packets leave by. */
  readonly uplink: number;
  readonly peers: readonly SeenPeer[];
}

/** Another host, by the address that packets for its subnets are sent to. */
export interface SeenPeer {
  readonly publicIP: IpAddress;
  readonly subnets: readonly Cidr[];
  /** True if the uplink leads there, and nothing is wrapped. */
  readonly isDirect: boolean;
}

const everywhere: readonly Cidr[] = [4, 16].map((length) => ({
  address: new Uint8Array(length),
  prefixLength: 0,
}));

/** The device of a name, or undefined if it is gone. */
export function seeDevice(ns: Netns, name: string): SeenDevice | undefined {
  const device = findVxlan(ns, name);
  if (!device) return undefined;
  const { id = 0, port = 0, local, local6, uplink = 0 } = device.settings;
  const entries = entriesBy(ns, device, { index: uplink, name: "" });
  return { vni: id, port, local: local ?? local6, uplink, peers: peersIn(entries) };
}

/** What leads on by a device, and all that is ours and leads on by its uplink. */
function entriesBy(ns: Netns, device: LinkRef, uplink: LinkRef): readonly Entry[] {
  const overlay = { device, uplink, networks: everywhere, peers: new PeerList() };
  return foundEntries(ns, overlay).map(entryOf);
}

/** The hosts that entries lead to, in the order of their routes. */
export function peersIn(entries: readonly Entry[]): readonly SeenPeer[] {
  const macs = new Map<string, string>();
  const hosts = new Map<string, IpAddress>();
  for (const entry of entries) {
    if (entry.kind === "neighbour") macs.set(formatAddress(entry.address), formatMac(entry.mac));
    if (entry.kind === "fdb") hosts.set(formatMac(entry.mac), entry.address);
  }
  const hostOf = ({ gateway, isDirect }: RouteEntry) =>
    isDirect ? gateway : hosts.get(macs.get(formatAddress(gateway)) ?? "");
  const peers = new Map<string, SeenPeer>();
  for (const entry of entries) {
    const publicIP = entry.kind === "route" ? hostOf(entry) : undefined;
    if (entry.kind !== "route" || !publicIP) continue;
    const { isDirect, destination } = entry;
    const name = `${formatAddress(publicIP)} ${isDirect}`;
    const subnets = [...(peers.get(name)?.subnets ?? []), destination];
    peers.set(name, { publicIP, isDirect, subnets });
  }
  return [...peers.values()];
}
