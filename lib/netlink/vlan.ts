/** VLANs of bridge ports: what `bridge vlan` reads and writes (linux/if_bridge.h). */

import { attr, attributes, repeated } from "../bytes/attributes.ts";
import type { ValueOf } from "../bytes/layout.ts";
import { cstring, u16, u32 } from "../bytes/scalar.ts";
import { message, struct } from "../bytes/struct.ts";
import { AF_BRIDGE, ifinfomsg, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK } from "./link.ts";
import { type Request, request } from "./message.ts";

const BRIDGE_FLAGS_MASTER = 1;

/** Flags of a VLAN: frames that come untagged belong to it, and its own leave untagged. */
export const BRIDGE_VLAN_INFO_PVID = 2;
export const BRIDGE_VLAN_INFO_UNTAGGED = 4;

/** A VLAN of a bridge port: `flags` are BRIDGE_VLAN_INFO_* of linux/if_bridge.h. */
export const vlanInfo = /* @__PURE__ */ struct("bridge_vlan_info", { flags: u16, id: u16 });

/** What a bridge port says of its VLANs. */
const vlanSpec = /* @__PURE__ */ attributes({
  flags: attr(0, "IFLA_BRIDGE_FLAGS", u16),
  vlans: /* @__PURE__ */ repeated(attr(2, "IFLA_BRIDGE_VLAN_INFO", vlanInfo)),
});

/** A bridge port with its VLANs (family AF_BRIDGE). */
export const portVlansMessage = /* @__PURE__ */ message(
  ifinfomsg,
  /* @__PURE__ */ attributes({
    name: attr(3, "IFLA_IFNAME", cstring),
    spec: attr(26, "IFLA_AF_SPEC", vlanSpec),
    extMask: attr(29, "IFLA_EXT_MASK", u32),
  }),
);

/** One VLAN of a port: `flags` are BRIDGE_VLAN_INFO_*. */
export type PortVlan = Required<ValueOf<typeof vlanInfo>>;

/** Adds VLANs to a bridge port, or removes them. */
export function changePortVlans(
  action: "add" | "delete",
  port: { readonly index: number; readonly name: string },
  vlans: readonly PortVlan[],
): Request {
  const ids = vlans.map(({ id }) => id).join(", ");
  return request({
    what:
      action === "add"
        ? `add VLAN ${ids} to "${port.name}"`
        : `delete VLAN ${ids} of "${port.name}"`,
    type: action === "add" ? RTM_SETLINK : RTM_DELLINK,
    codec: portVlansMessage,
    value: {
      header: { family: AF_BRIDGE, index: port.index },
      attributes: { spec: { flags: BRIDGE_FLAGS_MASTER, vlans } },
    },
  });
}

const RTEXT_FILTER_BRVLAN = 2;

/** Asks for every bridge port with its VLANs. */
export function listPortVlans(): Request {
  return request({
    what: "list the VLANs of bridge ports",
    type: RTM_GETLINK,
    codec: portVlansMessage,
    value: { header: { family: AF_BRIDGE }, attributes: { extMask: RTEXT_FILTER_BRVLAN } },
  });
}
