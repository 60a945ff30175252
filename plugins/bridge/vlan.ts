/** VLANs of a bridge port: the access VLAN untagged, the trunk tagged. */

import type { LinkRef } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { changeVlans, listVlans, type Vlan } from "../../lib/net/vlan.ts";
import type { VlanConfig } from "./config.ts";

/** Gives a new port its VLANs; those it has by default go unless they are to be kept. */
export function setPortVlans(host: Netns, port: LinkRef, vlan: VlanConfig): void {
  const wanted = wantedVlans(vlan);
  const surplus = vlan.preserveDefault || wanted.length === 0 ? [] : listVlans(host, port);
  changeVlans(host, port, { delete: surplus, add: wanted });
}

/** Without an access VLAN a trunk's untagged frames belong to VLAN 1, as on a port without any. */
function wantedVlans({ access, trunk }: VlanConfig): Vlan[] {
  const untagged = access !== 0 ? access : trunk.length > 0 ? 1 : undefined;
  return [
    ...trunk.filter((id) => id !== untagged).map((id) => ({ id, untagged: false })),
    ...(untagged === undefined ? [] : [{ id: untagged, untagged: true }]),
  ];
}

/** What a port's VLANs lack, in words, or undefined. */
export function vlanFault(host: Netns, port: LinkRef, vlan: VlanConfig): string | undefined {
  const present = listVlans(host, port);
  const missing = wantedVlans(vlan).filter(
    (want) => !present.some((has) => has.id === want.id && has.untagged === want.untagged),
  );
  if (missing.length === 0) return undefined;
  return `its VLANs should include ${missing.map(({ id }) => id).join(", ")}`;
}
