/** VLANs of a bridge port. */

import {
  BRIDGE_VLAN_INFO_PVID,
  BRIDGE_VLAN_INFO_UNTAGGED,
  changePortVlans,
  listPortVlans,
  type PortVlan,
  portVlansMessage,
} from "../netlink/vlan.ts";
import type { LinkRef } from "./link.ts";
import type { Netns } from "./netns.ts";

const UNTAGGED = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED;

/** One VLAN of a port; untagged frames that come in belong to the one that is `untagged`. */
export interface Vlan {
  readonly id: number;
  readonly untagged: boolean;
}

/** The VLANs of a port as the kernel has them. */
export function listVlans(ns: Netns, port: LinkRef): Vlan[] {
  return ownVlans(ns, port).map(({ id, flags }) => ({
    id,
    untagged: (flags & UNTAGGED) === UNTAGGED,
  }));
}

function ownVlans(ns: Netns, port: LinkRef): PortVlan[] {
  const messages = ns.route.dump(listPortVlans(), portVlansMessage);
  const own = messages.find(({ header }) => header.index === port.index);
  return (own?.attributes.spec?.vlans ?? []).map(({ id = 0, flags = 0 }) => ({ id, flags }));
}

/** How many VLANs one request names at most, to stay well below the size of an attribute. */
const VLANS_PER_REQUEST = 1024;

/** Deletes some VLANs of a port and adds others, in one datagram. */
export function changeVlans(
  ns: Netns,
  port: LinkRef,
  change: { readonly delete: readonly Vlan[]; readonly add: readonly Vlan[] },
): void {
  const requests = [
    ...chunks(change.delete).map((vlans) => changePortVlans("delete", port, vlans)),
    ...chunks(change.add).map((vlans) => changePortVlans("add", port, vlans)),
  ];
  if (requests.length > 0) ns.route.perform(...requests);
}

function chunks(vlans: readonly Vlan[]): PortVlan[][] {
  const parts: PortVlan[][] = [];
  for (let i = 0; i < vlans.length; i += VLANS_PER_REQUEST) {
    const part = vlans.slice(i, i + VLANS_PER_REQUEST);
    parts.push(part.map(({ id, untagged }) => ({ id, flags: untagged ? UNTAGGED : 0 })));
  }
  return parts;
}
