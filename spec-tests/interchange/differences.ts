/**
 * Everything in which ours differ from the reference plugins 1.1.1 on purpose, with the reason.
 * What is not in these lists must be alike; what is in them and does not occur must leave them.
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

/** In what is printed. A command of which only one side succeeds is one leaf. */
export const inOutcomes: readonly Difference[] = [
  /* ---- only ours succeed ---- */
  {
    why: "one bridge may be the gateway of several subnets; only its own is a conflict",
    path: /^add$/,
    theirs: /already has an IP address different from/,
    ours: succeeds,
    where: /several ranges|two sets|another subnet/,
  },
  {
    why: "the hardware address of a new bridge is chosen once, not again with each gateway",
    path: /^add$/,
    theirs: /could not set bridge's mac: invalid argument/,
    ours: succeeds,
    where: /two sets of one family/,
  },
  {
    why: "a default route of the address manager, with or without gateway, serves as default route",
    path: /^add$/,
    theirs: /failed to add route .* via 10\.1\.2\.1 dev eth0': file exists/,
    ours: succeeds,
    where: /routes, isDefaultGateway/,
  },
  {
    why: "CNI_ARGS are for all plugins of a call: IP and MAC concern one of them each",
    path: /^(add|del)$/,
    theirs: /ARGS: unknown args \["(IP|MAC)=/,
    ours: succeeds,
  },
  {
    why: "without an address manager there is none to ask in CHECK",
    path: /^check$/,
    theirs: /no plugin name provided/,
    ours: succeeds,
    where: /layer 2|disableContainerInterface/,
  },

  {
    why: "an address alone in its subnet has no route to it that CHECK could miss",
    path: /^check$/,
    theirs: /Failed to find Gateway/,
    ours: succeeds,
    where: /static, an address of one/,
  },
  {
    why: "CHECK finds a gateway also where a route has several",
    path: /^check$/,
    theirs: /Expected Route .* not found/,
    ours: succeeds,
    where: /several gateways of one destination/,
  },
  {
    why: "an address that is named twice is one address",
    path: /^(add$|add\.result\.ips\[1\])/,
    where: /^static, an address twice/,
  },

  /* ---- only theirs succeed ---- */
  {
    why: "no IPv4 address has an IPv6 gateway, so nobody could send by it",
    path: /^add$/,
    theirs: succeeds,
    ours: /^fails with 7: .*\.gateway must be an IPv4 address/,
    where: /^static, a gateway of the other family/,
  },
  {
    why: "DEL leaves a link that is the container's own, so the next ADD finds it in its way again",
    path: /^add$/,
    theirs: succeeds,
    ours: /^fails with 103: .* an interface of this name already exists/,
    where: /interface that is there/,
  },

  /* ---- both fail ---- */
  {
    why: "999 is for faults of the plugin; 101 says that a file could not be used",
    path: refusal,
    theirs: /^999$/,
    ours: /^101$/,
    where: /resolv\.conf that is missing/,
  },
  {
    why: "999 is for faults of the plugin; 105 says that there is no address to give",
    path: refusal,
    theirs: /^999$/,
    ours: /^105$/,
    where: /no address left|IP of elsewhere/,
  },

  /* ---- both succeed ---- */
  {
    why: "up to 0.2.0 a result has ip4 and ip6 and nothing else",
    path: /^add\.result\.(interfaces|ips|ip4|ip6)\b/,
    where: /loopback.* version 0\.[12]\.0/,
  },
  {
    why: "from 0.3.0 to 0.4.0 an address has a version",
    path: /^add\.result\.ips\[\d\]\.version$/,
    theirs: nothing,
    where: /loopback.* version 0\.[34]/,
  },

  ...ofInterfaces,
  ...general,
];

/* ---- what is made ---- */

/** In what is made. A thing that only one side has made is one leaf, `there` or `nothing`. */
export const inState: readonly Difference[] = [
  /* ---- a failed ADD ---- */
  {
    why: "a loopback that could not be used is down again",
    path: /^box1 link lo\.flags/,
    theirs: /"UP"/,
    ours: nothing,
    where: isRefused,
  },
  {
    why: "the bridge and the folders of the addresses are shared: a failed ADD leaves them",
    path: /^(host (link|qdiscs|sysctl) .*\bbr0\b|folder \/var|file .*\/lock$)/,
    theirs: nothing,
    ours: there,
    where: /IP of elsewhere|gateway's/,
  },
  {
    why: "a bridge that has lost its last port has no hardware address until there is another",
    path: /^host link br0\.address$/,
    ours: /00:00:00:00:00:00/,
    where: isRefused,
  },

  /* ---- links ---- */
  {
    why: "a bridge has a hardware address of its own from the beginning, not one of its ports'",
    path: /^host (link (br0|cni0)\.address|fdb (br0|cni0) the MAC of host link (br0|cni0))$/,
  },

  {
    why: "disableContainerInterface is of later releases of the reference, and leaves that end down",
    path: /^box1 link eth0\.(flags|qdisc)/,
    where: /disableContainerInterface/,
  },

  /* ---- IPv6 ---- */

  {
    why: "a new bridge's link-local address counts at once: until it does, no neighbour is looked for",
    path: /^host sysctl ipv6\/conf\/(br\d+|cni0)\/accept_dad$/,
    theirs: /"1"/,
    ours: /"0"/,
  },

  {
    why: "a bridge with the MAC spoof check learns nothing from frames that the check does not see",
    path: /^host link br\d+\.linkinfo\.info_data\.no_linklocal_learn$/,
    theirs: /^0$/,
    ours: /^1$/,
    where: /macspoofchk/,
  },

  {
    why: "without a gateway, whether the host heeds routers by a bridge is its administrator's to say",
    path: /^host sysctl ipv6\/conf\/br\d+\/accept_ra$/,
    theirs: /"0"/,
    ours: /"1"/,
    where: /is down/,
  },

  ...ofInterfacesState,
];
