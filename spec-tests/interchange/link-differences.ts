/**
 * Everything in which the plugins that give a container a link differ from the reference plugins
 * 1.1.1 and 1.9.1 on purpose, with the reason; `only` names the release it is a difference from.
 */

import {
  type Difference,
  general,
  isRefused,
  nothing,
  ofInterfaces,
  ofInterfacesState,
  refusal,
  succeeds,
  there,
} from "./difference.ts";

const later = "theirs 1.9.1";

/** In what is printed. A command of which only one side succeeds is one leaf. */
const inOutcomes: readonly Difference[] = [
  /* ---- only ours succeed ---- */
  {
    why: "a link without addresses serves a pod that gives itself some, whatever the kind of the link",
    path: /^add$/,
    theirs: /no plugin name provided/,
    ours: succeeds,
    where: /^(ipvlan|vlan), no address manager/,
  },
  {
    why: "a master that ADD found without its name is found by CHECK as well",
    path: /^check$/,
    theirs: /failed to lookup master ""/,
    ours: succeeds,
    where: /^ipvlan, the master of/,
  },

  /* ---- only theirs succeed ---- */
  {
    why: "a link that was there is not taken for the one that could not be made",
    path: /^add$/,
    theirs: succeeds,
    ours: /^fails with 103: .* an interface of this name already exists/,
    only: later,
    where: /^tap, an interface that is there/,
  },
  {
    why: "the device by which the host's default route leads is moved only if that is asked for",
    path: /^add$/,
    theirs: succeeds,
    ours: /^fails with 7: .* the host would be cut off; "allowUplink": true/,
    where: /^host-device, the uplink/,
  },
  {
    why: "what is above a master that is down would be down as well, and nobody told",
    path: /^add$/,
    theirs: succeeds,
    ours: /^fails with 50: .* it is down, and what is above it would be so too/,
    where: /a master that is down/,
  },
  {
    why: "what is longer than its master's MTU would be dropped there, of an ipvlan as of a macvlan",
    path: /^add$/,
    theirs: succeeds,
    ours: /^fails with 7: .* mtu must be at most 1500, that of master "dev0"/,
    where: /^ipvlan, an mtu above the master's/,
  },
  {
    why: "an mtu that no link can have is refused, and not left out",
    path: /^add$/,
    theirs: succeeds,
    ours: /^fails with 7: .* mtu must be at least 0/,
    where: /^ipvlan, an mtu below zero/,
  },

  /* ---- both fail ---- */
  {
    why: "999 is for faults of the plugin; 8 says that the namespace is the host's own",
    path: refusal,
    theirs: /^999$/,
    ours: /^8$/,
    only: later,
    where: /^vlan, the host's own namespace/,
  },
  {
    why: "what theirs had printed of the address is no error of the plugin's: 8 says what is wrong",
    path: refusal,
    theirs: /^0$/,
    ours: /^8$/,
    only: later,
    where: /the host's own namespace/,
  },
  {
    why: "DEL in the host's own namespace has nothing to remove, and no reason to come again",
    path: /^del$/,
    theirs: /^fails with 8: /,
    ours: succeeds,
    only: later,
    where: /the host's own namespace/,
  },
  {
    why: "999 is for faults of the plugin; 50 says that the plugin has nothing to work with",
    path: refusal,
    theirs: /^999$/,
    ours: /^50$/,
    where: /that is missing|no master|it is on the host|^vlan, a master that is down/,
  },

  /* ---- both succeed ---- */
  {
    why: "a hardware address is as welcome for a pair without a bridge as for one with a bridge",
    path: /^add\.result\.interfaces\[1\]\.mac$/,
    theirs: /^"some MAC"$/,
    ours: /^"0a:58:0a:01:02:03"$/,
    where: /^ptp, MAC by/,
  },
  {
    why: "from 1.1.0 on a result names the MTU of a link",
    path: /^add\.result\.interfaces\[\d\]\.mtu$/,
    theirs: nothing,
    only: later,
    where: /version 1\.1\.0/,
  },
  {
    why: "from 1.1.0 on a result names the PCI address of a device",
    path: /^add\.result\.interfaces\[0\]\.pciID$/,
    theirs: nothing,
    only: later,
    where: /^host-device/,
  },
  {
    why: "a device that a program drives by itself is in the result, as in later releases",
    path: /^add\.result\.interfaces\[0\]\.(name|sandbox)$/,
    theirs: nothing,
    only: "theirs",
    where: /^host-device, a driver of DPDK/,
  },
  {
    why: "a tap has the hardware address and MTU that were asked for, whoever is its owner",
    path: /^add\.result\.interfaces\[0\]\.mac$/,
    theirs: /^"some MAC"$/,
    only: later,
    where: /^tap, mtu, owner and group/,
  },
  ...ofInterfaces,
  ...general,
];

/** In what is made. A thing that only one side has made is one leaf, `there` or `nothing`. */
const inState: readonly Difference[] = [
  /* ---- a failed ADD ---- */
  {
    why: "an address is taken only after all else was looked at: a refused ADD has not asked for one",
    path: /^(file|folder) \/var\/lib\/cni\b/,
    theirs: there,
    ours: nothing,
    where: isRefused,
  },
  {
    why: "and so its master no longer takes what is for others",
    path: /^host link dev0\.promiscuity$/,
    theirs: /^1$/,
    ours: /^0$/,
    where: isRefused,
  },
  {
    why: "an ipvlan that theirs left on the host has the hardware address of its master",
    path: /^host link dev0\.address$/,
    theirs: /host link eth0/,
    only: later,
    where: /^(ipvlan|vlan), the host's own namespace/,
  },
  {
    why: "an ADD that fails has not made a router of the host",
    path: /^host sysctl ipv4\/(ip_forward|conf\/\w+\/forwarding)$/,
    theirs: /"1"/,
    ours: /"0"/,
    where: /^ptp.*, which fails/,
  },
  {
    why: "a device that could not be attached is on the host again, as it was",
    path: /^host (link dev[01]|sysctl \S+\/dev0\/)/,
    theirs: /^(nothing|"eth0")$/,
    where: /^host-device.*, which fails/,
  },

  /* ---- links ---- */
  {
    why: "the alias of a device that was moved says whose it is and how it was, besides its name",
    path: /^box1 link \S+\.ifalias$/,
    theirs: /^"dev0"$/,
    ours: /^"weft-device dev0 (up|down) 1450 0a:58:0a:01:02:09 net box1-id \w+"$/,
    where: /^host-device/,
  },
  {
    why: "a hardware address is as welcome for a pair without a bridge as for one with a bridge",
    path: /^box1 link eth0\.address$/,
    ours: /^"0a:58:0a:01:02:03"$/,
    where: /^ptp, MAC by/,
  },
  {
    why: "a tap has the hardware address and MTU that were asked for, whoever is its owner",
    path: /^box1 link eth0\.(address|mtu)$/,
    ours: /^("0a:58:0a:01:02:03"|1400)$/,
    only: later,
    where: /^tap, mtu, owner and group/,
  },
  {
    why: "how frames begin is for the program to say that opens the tap, whoever is its owner",
    path: /^box1 link eth0\.linkinfo\.info_data\.(pi|vnet_hdr)$/,
    theirs: /^true$/,
    ours: /^false$/,
    only: later,
    where: /^tap, .*owner and group/,
  },

  /* ---- addresses and routes ---- */
  {
    why: "the route to the address's own subnet is not made, and need not be deleted again",
    path: /^box1 address \S+ \S+\.noprefixroute$/,
    theirs: nothing,
    ours: /^true$/,
    where: /^ptp/,
  },
  {
    why: "so that a gateway in that subnet, but the host's, has to be said to be on the link",
    path: /^box1 routes[46] unicast \S+ via (10\.1\.2|fd00:1:):?\.?9 dev \w+ table main\.flags/,
    where: /^ptp, routes of both families/,
  },
  {
    why: "neighbours that knew the address are told who has it now, whatever the kind of the link",
    path: /^box1 sysctl ipv4\/conf\/\w+\/arp_notify$/,
    theirs: /"0"/,
    ours: /"1"/,
    where: /^(ptp|vlan|host-device|dummy)/,
  },

  /* ---- IPv6 ---- */
  {
    why: "addresses that were allocated are not probed for, nor are those that the kernel makes up",
    path: /^(box1|host) sysctl ipv6\/conf\/\S+\/accept_dad$/,
    theirs: /"-?1"/,
    ours: /"0"/,
  },
  {
    why: "what sends by a tap is a virtual machine, which is no router for its container",
    path: /^box1 sysctl ipv6\/conf\/\w+\/accept_ra$/,
    theirs: /"1"/,
    ours: /"0"/,
    only: later,
    where: /^tap/,
  },

  /* ---- firewall ---- */
  {
    why: "where nf_tables are asked for, masquerade is in our maps as well, not in rules",
    path: /^host nft inet cni_plugins_masquerade\b/,
    theirs: there,
    ours: nothing,
    only: later,
    where: /ipMasq by nftables/,
  },
  ...ofInterfacesState,
];

/** In both. */
export const inLinks: readonly Difference[] = [...inOutcomes, ...inState];
