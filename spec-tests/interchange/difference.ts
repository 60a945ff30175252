/** What a difference on purpose is, and those of every plugin. */

import type { Reference } from "../bed/sides.ts";

/** A difference that is intended. */
export interface Difference {
  readonly why: string;
  /** The leaf it is in. */
  readonly path: RegExp;
  /** What the leaf is, as JSON text, or `nothing`; any if not given. */
  readonly theirs?: RegExp;
  readonly ours?: RegExp;
  /** The release it is a difference from; any if not given. */
  readonly only?: Reference;
  /** The cases and versions it is in; any if not given. */
  readonly where?: RegExp;
}

export const succeeds = /^succeeds$/;
export const nothing = /^nothing$/;
export const there = /^there$/;
export const isRefused = /, which fails/;
export const refusal = /^(add|check|del)\.error\.code$/;

/** In what any plugin prints. */
export const general: readonly Difference[] = [
  {
    why: "DEL removes what there is, whatever has become of the configuration or the namespace",
    path: /^del$/,
    theirs: /^fails with 999: /,
    ours: succeeds,
  },
  {
    why: "999 is for faults of the plugin; the specification has 7 for configurations",
    path: refusal,
    theirs: /^999$/,
    ours: /^7$/,
  },
  {
    why: "an error names what was expected and what was found",
    path: /^(add|check|del)\.error\.(msg|details)$/,
  },
  {
    why: "an error object has cniVersion, as the specification says",
    path: /^(add|check|del)\.error\.cniVersion$/,
    theirs: nothing,
  },
  {
    why: "an empty dns is left out from 1.0.0 on, as in later releases of the reference",
    path: /^add\.result\.dns$/,
    theirs: /^\{\}$/,
    ours: nothing,
    only: "theirs",
    where: /version 1\./,
  },
];

/** In what the plugins that give a container a link print. */
export const ofInterfaces: readonly Difference[] = [
  {
    why: "CHECK looks for a route without gw where ADD put it: by the gateway of its family",
    path: /^check$/,
    theirs: /Expected Route .* not found/,
    ours: succeeds,
    only: "theirs",
    where: /routes of both families/,
  },
  {
    why: "the host's own namespace is no container: nothing is made or deleted there",
    path: /^(add|del)$/,
    theirs: succeeds,
    ours: /^fails with 8: .* should not be the same/,
    only: "theirs",
    where: /the host's own namespace/,
  },
  {
    why: "999 is for faults of the plugin; the specification has 4 for variables, CNI_ARGS among them",
    path: refusal,
    theirs: /^999$/,
    ours: /^4$/,
    where: /an IP that is none|argument|namespace|IP of elsewhere|gateway's/,
  },
  {
    why: "999 is for faults of the plugin; 100 says that the kernel refused",
    path: refusal,
    theirs: /^999$/,
    ours: /^100$/,
    where: /a gateway elsewhere, isDefaultGateway|unreachable gateway|bridge that is missing/,
  },
  {
    why: "999 is for faults of the plugin; 102 says that the address manager could not be run",
    path: refusal,
    theirs: /^999$/,
    ours: /^102$/,
    where: /address manager nobody has/,
  },
  {
    why: "999 is for faults of the plugin; 103 says that something is there already",
    path: refusal,
    theirs: /^999$/,
    ours: /^103$/,
    where:
      /another address|bridge that is none|interface that is there|VLAN that is there|address of the world/,
  },
  {
    why: "the dns of the address manager is the result's if the network has none of its own",
    path: /^add\.result\.dns\b/,
    theirs: /^(nothing|\{\})$/,
    where: /, (a resolv\.conf|static, dns)/,
  },
  {
    why: "what plugins before this one in a list have reported stays in the result",
    path: /^add\.result\.(interfaces|ips|ip4)\b/,
    where: /(?<!loopback), (a plugin|the master of the plugin) before it/,
  },
];

/** In what the plugins that give a container a link make; what only one side has is `there` or `nothing`. */
export const ofInterfacesState: readonly Difference[] = [
  {
    why: "a failed ADD takes back what it made, and a refused one makes nothing",
    path: /^(box1|host) /,
    theirs: there,
    ours: nothing,
    where: isRefused,
  },
  {
    why: "host-local keeps an index of the reservations in memory, and the boot it is of",
    path: /^(folder \/run\/weft|file .*last_reserved_ip\.boot$)/,
    theirs: nothing,
    ours: there,
  },
  {
    why: "who has which address is nobody else's business, as in later releases of the reference",
    path: /^file .*\/networks\/net\/.*\.mode$|^file \/var\/lib\/elsewhere\/net\/.*\.mode$/,
    theirs: /"644"/,
    ours: /"600"/,
    only: "theirs",
  },
  {
    why: "links tell in their alias whose they are",
    path: /^(host|box1) link \S+\.ifalias$/,
    theirs: nothing,
  },
  {
    why: "veth pairs have the kernel's queue length, without which a qdisc drops all packets",
    path: /^(host|box1) link \S+\.txqlen$/,
    theirs: nothing,
    ours: /^1000$/,
  },
  {
    why: "addresses that were allocated are not probed for, and can be used at once",
    path: /^(host|box1) (address|routes6 local) .*\bfd00:1::/,
    theirs: nothing,
    ours: /^(true|there)$/,
  },
  {
    why: "IPv6 addresses outlive a link that is set down, as in later releases of the reference",
    path: /^box1 sysctl ipv6\/conf\/\w+\/keep_addr_on_down$/,
    theirs: /"0"/,
    ours: /"1"/,
    only: "theirs",
  },
  {
    why: "masquerade and MAC spoof check are elements of our maps, whose frame stays",
    path: /^host nft (inet|bridge) weft\b/,
    theirs: nothing,
    ours: there,
    where: /ipMasq|macspoofchk/,
  },
  {
    why: "they are not rules for each container in tables of iptables or of others",
    path: /^host nft (ip6?|bridge) nat\b/,
    theirs: there,
    ours: nothing,
    where: /ipMasq|macspoofchk/,
  },
  {
    why: "where the host is the gateway, no pod is a router for others",
    path: /^box1 sysctl ipv6\/conf\/\w+\/accept_ra$/,
    theirs: /"1"/,
    ours: /"0"/,
  },
];
