/** What the kernel says of links of one kind (IFLA_INFO_DATA). Layouts from linux/if_link.h. */

import { attr, attributes } from "../bytes/attributes.ts";
import type { ValueOf } from "../bytes/layout.ts";
import { ip, u8, u16, u16be, u32 } from "../bytes/scalar.ts";
import { struct } from "../bytes/struct.ts";

/** struct br_boolopt_multi: one bit for each option, and which of them are meant. */
const booleanOptions = /* @__PURE__ */ struct("br_boolopt_multi", { values: u32, mask: u32 });

/** Bridges do not learn from frames to 01:80:c2:00:00:0x, linux/if_bridge.h. */
export const BR_BOOLOPT_NO_LL_LEARN = 1 << 0;

const bridge = /* @__PURE__ */ attributes({
  forwardDelay: attr(1, "IFLA_BR_FORWARD_DELAY", u32),
  stpState: attr(5, "IFLA_BR_STP_STATE", u32),
  vlanFiltering: attr(7, "IFLA_BR_VLAN_FILTERING", u8),
  vlanProtocol: attr(8, "IFLA_BR_VLAN_PROTOCOL", u16be),
  /** What the bridge itself forwards passes the rules of IP as well. */
  callIptables: attr(36, "IFLA_BR_NF_CALL_IPTABLES", u8),
  callIp6tables: attr(37, "IFLA_BR_NF_CALL_IP6TABLES", u8),
  vlanDefaultPvid: attr(39, "IFLA_BR_VLAN_DEFAULT_PVID", u16),
  booleanOptions: attr(46, "IFLA_BR_MULTI_BOOLOPT", booleanOptions),
});

/** `local` is the address that packets leave under: the attribute depends on its family. */
const vxlan = /* @__PURE__ */ attributes({
  id: attr(1, "IFLA_VXLAN_ID", u32),
  uplink: attr(3, "IFLA_VXLAN_LINK", u32),
  local: attr(4, "IFLA_VXLAN_LOCAL", ip),
  learning: attr(7, "IFLA_VXLAN_LEARNING", u8),
  port: attr(15, "IFLA_VXLAN_PORT", u16be),
  local6: attr(17, "IFLA_VXLAN_LOCAL6", ip),
  checksum: attr(18, "IFLA_VXLAN_UDP_CSUM", u8),
  noChecksum6: attr(19, "IFLA_VXLAN_UDP_ZERO_CSUM6_TX", u8),
});

/** What a vxlan device is told when it is made. */
export type VxlanAttributes = ValueOf<typeof vxlan>;

/** Modes of a macvlan: one bit each, linux/if_link.h. */
export const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;

const macvlan = /* @__PURE__ */ attributes({
  mode: attr(1, "IFLA_MACVLAN_MODE", u32),
  flags: attr(2, "IFLA_MACVLAN_FLAGS", u16),
  broadcastQueueLength: attr(7, "IFLA_MACVLAN_BC_QUEUE_LEN", u32),
});

/** Modes of an ipvlan, linux/if_link.h. */
export const IPVLAN_MODES = { l2: 0, l3: 1, l3s: 2 } as const;

const ipvlan = /* @__PURE__ */ attributes({
  mode: attr(1, "IFLA_IPVLAN_MODE", u16),
  flags: attr(2, "IFLA_IPVLAN_FLAGS", u16),
});

const vlan = /* @__PURE__ */ attributes({
  id: attr(1, "IFLA_VLAN_ID", u16),
  protocol: attr(5, "IFLA_VLAN_PROTOCOL", u16be),
});

/** What the kernel says of a tun or tap (Linux 4.17), and takes from nobody but by linux/if_tun.h. */
const tun = /* @__PURE__ */ attributes({
  owner: attr(1, "IFLA_TUN_OWNER", u32),
  group: attr(2, "IFLA_TUN_GROUP", u32),
  type: attr(3, "IFLA_TUN_TYPE", u8),
  persist: attr(6, "IFLA_TUN_PERSIST", u8),
  multiQueue: attr(7, "IFLA_TUN_MULTI_QUEUE", u8),
});

const vrf = /* @__PURE__ */ attributes({
  table: attr(1, "IFLA_VRF_TABLE", u32),
});

/** What the kernel says, and is told, of a link of its kind; veth, which holds a link, is not here. */
export const kinds = { bridge, vxlan, macvlan, ipvlan, vlan, tun, vrf };

const bridgePort = /* @__PURE__ */ attributes({
  state: attr(1, "IFLA_BRPORT_STATE", u8),
  hairpin: attr(4, "IFLA_BRPORT_MODE", u8),
  isolated: attr(33, "IFLA_BRPORT_ISOLATED", u8),
});

/** The same of a link as another's port (IFLA_INFO_SLAVE_DATA). */
export const portKinds = { bridge: bridgePort };
