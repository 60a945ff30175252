/** VLANs of a bridge port: the access VLAN untagged, the trunk tagged. */

import type { Link } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { changePortVlans, listPortVlans, type PortVlan, portVlansMessage } from "../../lib/netlink/link.ts";
import type { VlanConfig } from "./config.ts";

/** linux/if_bridge.h */
const BRIDGE_VLAN_INFO_PVID = 2;
const BRIDGE_VLAN_INFO_UNTAGGED = 4;
const UNTAGGED = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED;

type Port = Pick<Link, "index" | "name">;

/** Gives a new port its VLANs; those it has by default go unless they are to be kept. */
export function setPortVlans(host: Netns, port: Port, vlan: VlanConfig): void {
  const wanted = wantedVlans(vlan);
  const present = portVlans(host, port);
  const surplus = vlan.preserveDefault || wanted.length === 0 ? [] : present;
  const requests = [
    ...inChunks(surplus).map((vlans) => changePortVlans("delete", port, vlans)),
    ...inChunks(wanted).map((vlans) => changePortVlans("add", port, vlans)),
  ];
  if (requests.length > 0) host.route.perform(...requests);
}

/** Without an access VLAN a trunk's untagged frames belong to VLAN 1, as on a port without any. */
export function wantedVlans({ access, trunk }: VlanConfig): PortVlan[] {
  const untagged = access !== 0 ? access : trunk.length > 0 ? 1 : undefined;
  return [
    ...trunk.filter((id) => id !== untagged).map((id) => ({ id, flags: 0 })),
    ...(untagged === undefined ? [] : [{ id: untagged, flags: UNTAGGED }]),
  ];
}

/** The VLANs of a port as the kernel has them. */
export function portVlans(host: Netns, port: Port): PortVlan[] {
  const messages = host.route.dump(listPortVlans(), portVlansMessage);
  const own = messages.find(({ header }) => header.index === port.index);
  return (own?.attributes.vlans ?? []).map(({ id = 0, flags = 0 }) => ({ id, flags }));
}

/** A request names at most this many VLANs, to stay well below the size of an attribute. */
const VLANS_PER_REQUEST = 1024;

function inChunks(vlans: readonly PortVlan[]): PortVlan[][] {
  const chunks: PortVlan[][] = [];
  for (let i = 0; i < vlans.length; i += VLANS_PER_REQUEST) {
    chunks.push(vlans.slice(i, i + VLANS_PER_REQUEST));
  }
  return chunks;
}

/** What a port's VLANs lack, in words, or undefined. */
export function vlanFault(host: Netns, port: Port, vlan: VlanConfig): string | undefined {
  const present = portVlans(host, port);
  const missing = wantedVlans(vlan).filter(
    (want) => !present.some((has) => has.id === want.id && (has.flags & UNTAGGED) === want.flags),
  );
  if (missing.length === 0) return undefined;
  return `its VLANs should include ${missing.map(({ id }) => id).join(", ")}`;
}
