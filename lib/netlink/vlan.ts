/** VLANs of bridge ports: what `bridge vlan` reads and writes (linux/if_bridge.h). */

import { type Codec, cstring, u16, u32, type ValueOf } from "../bytes/codec.ts";
import { attr, attributes, message, struct } from "../bytes/struct.ts";
import { AF_BRIDGE, ifinfomsg, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK } from "./link.ts";
import { type Request, request } from "./message.ts";

const BRIDGE_FLAGS_MASTER = 1;

/** A VLAN of a bridge port: `flags` are BRIDGE_VLAN_INFO_* of linux/if_bridge.h. */
export const vlanInfo = /* @__PURE__ */ struct("bridge_vlan_info", { flags: u16, id: u16 });

/** What a bridge port says of its VLANs: the nest repeats IFLA_BRIDGE_VLAN_INFO. */
const vlanSpec: Codec<readonly ValueOf<typeof vlanInfo>[]> = {
  size: 0,
  nested: true,
  write(out, vlans) {
    out.u16(6);
    out.u16(0); // IFLA_BRIDGE_FLAGS
    out.u16(BRIDGE_FLAGS_MASTER);
    out.align();
    for (const vlan of vlans) {
      out.u16(8);
      out.u16(2); // IFLA_BRIDGE_VLAN_INFO
      vlanInfo.write(out, vlan);
    }
  },
  read(input) {
    const vlans: ValueOf<typeof vlanInfo>[] = [];
    while (input.left >= 4) {
      const length = input.u16();
      const type = input.u16();
      if (type === 2 && length === 8) vlans.push(vlanInfo.read(input));
      else input.skip(Math.min((length - 4 + 3) & ~3, input.left));
    }
    return vlans;
  },
};

/** A bridge port with its VLANs (family AF_BRIDGE). */
export const portVlansMessage = /* @__PURE__ */ message(
  ifinfomsg,
  /* @__PURE__ */ attributes({
    name: attr(3, "IFLA_IFNAME", cstring),
    vlans: attr(26, "IFLA_AF_SPEC", vlanSpec),
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
    value: { header: { family: AF_BRIDGE, index: port.index }, attributes: { vlans } },
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
