/** The differences that are intended of the plugins that come after another in a list. */

import { type Difference, general, nothing, refusal, succeeds, there } from "./difference.ts";

/** In what they print. */
export const inChainedOutcomes: readonly Difference[] = [
  {
    why: "every plugin knows every version of the specification",
    path: /^(add|del)$/,
    theirs: /incompatible CNI versions/,
    ours: succeeds,
    where: /version 0\.[123]/,
  },
  {
    why: "before 0.3.0 it is not the version that is wrong: results do not name the links it needs",
    path: refusal,
    theirs: /^1$/,
    ours: /^7$/,
    where: /version 0\.[123]/,
  },
  {
    why: "999 is for faults of the plugin; 101 says that a file could not be used",
    path: refusal,
    theirs: /^999$/,
    ours: /^101$/,
    where: /sysctl that is not there/,
  },
  {
    why: "999 is for faults of the plugin; 103 says that something is there already",
    path: refusal,
    theirs: /^999$/,
    ours: /^103$/,
    where: /^vrf, a (VRF of another table|bridge of its name)/,
  },
  {
    why: "a burst that lasts longer than a second is made sane, however long it is",
    path: /^add$/,
    theirs: /burst cannot be more than 4GB/,
    ours: succeeds,
  },
  {
    why: "where nothing is limited there is nothing to check",
    path: /^check$/,
    theirs: /"exitCode":2/,
    ours: succeeds,
    where: /bandwidth, no limit/,
  },
  {
    why: "IFNAME stands for the interface in CHECK as well",
    path: /^check$/,
    theirs: /open \/proc\/sys\/net\/ipv4\/conf\/IFNAME/,
    ours: succeeds,
  },
  ...general,
];

/** In what they make. */
export const inChainedState: readonly Difference[] = [
  /* ---- bandwidth ---- */
  {
    why: "one redirection is enough, at a priority that leaves room for exceptions before it",
    path: /^host filters veth… /,
    where: /bandwidth/,
  },
  {
    why: "links on the host tell in their alias whose they are",
    path: /^host link bwp\w+\.ifalias$/,
    theirs: nothing,
  },
  {
    why: "bursts are bytes, not ticks that overflow, and nothing waits for more than 25 ms",
    path: /^host qdiscs tbf veth…\.options\.(burst|lat)$/,
    where: /the burst that runtimes give/,
  },
  {
    why: "a burst that no packet fits into would pass nothing: it is raised to one packet",
    path: /^host qdiscs tbf (veth…|bwp\w+)\.options\.(burst|lat|limit)$/,
    where: /a burst below a packet/,
  },

  /* ---- firewall ---- */
  {
    why: "forwarding is let pass by elements of our maps, whose frame stays",
    path: /^host nft inet weft\b/,
    theirs: nothing,
    ours: there,
    where: /firewall/,
  },
  {
    why: "and by iptables only where that is asked for, or the host's own rules need it",
    path: /^host nft ip6? filter\b/,
    theirs: there,
    ours: nothing,
    where: /firewall/,
  },
  {
    why: "rules of iptables tell in a comment whose they are",
    path: /^host nft ip6? filter rule CNI-FORWARD .*"name":"comment"/,
    theirs: nothing,
    ours: there,
    where: /firewall/,
  },
  {
    why: "changes of iptables by several of us wait for each other without polling",
    path: /^file \/run\/weft\/iptables\.lock$/,
    theirs: nothing,
  },

  /* ---- tuning ---- */
  {
    why: "sysctls and queue lengths are restored, too, so that they are kept like the rest",
    path: /^(file|folder) \/run\/cni(\/tuning(\/box1-id_eth0\.json)?)?$/,
    theirs: nothing,
    ours: there,
    where: /tuning, (a sysctl|txQLen)/,
  },
  {
    why: "what is kept says whose it is, and what the sysctls were",
    path: /^file \/run\/cni\/tuning\/box1-id_eth0\.json\.content$/,
    ours: /containerID/,
  },
  {
    why: "a folder without permission to search it is of no use to anybody but root",
    path: /^folder \/run\/cni(\/tuning)?\.mode$/,
    theirs: /"600"/,
    ours: /"700"/,
  },
  {
    why: "a link's queue length can be tuned, as in later releases of the reference",
    path: /^box1 link eth0\.txqlen$/,
    ours: /^500$/,
    where: /txQLen/,
  },
  {
    why: "a failed ADD leaves no backup",
    path: /^(file|folder) \/run\/cni\b/,
    theirs: there,
    ours: nothing,
    where: /tuning.*which fails/,
  },

  /* ---- sbr ---- */
  {
    why: "rules, and routes that were not there before, say who made them",
    path: /^box1 (rules[46] \d+|routes[46] unicast default via \S+ dev eth0 table 10[01])\.protocol$/,
    ours: /^"87"$/,
    where: /^sbr/,
  },
  {
    why: "a rule leads packets of its family, so that its table needs no routes of the other",
    path: /^box1 routes6 unicast \S+ dev eth0 table 10[01]$/,
    theirs: there,
    ours: nothing,
    where: /^sbr/,
  },
  {
    why: "a configured table, gateways and source hints are heeded, as in later releases of the reference",
    path: /^box1 (rules[46] \d+\.table|routes[46] unicast \S+ .*dev eth0 table (main|10[01]))$/,
    where: /^sbr, (table|gateways|a gateway of one family|addSourceHints)$/,
  },

  /* ---- vrf ---- */
  {
    why: "a VRF tells in its alias who made it",
    path: /^box1 link blue\.ifalias$/,
    theirs: nothing,
    where: /^vrf/,
  },
  {
    why: "it has the kernel's queue length, as every link",
    path: /^box1 link blue\.txqlen$/,
    theirs: nothing,
    where: /^vrf/,
  },
  {
    why: "routes by gateways go with the link, as in later releases of the reference",
    path: /^box1 routes[46] unicast \S+ via \S+ dev eth0 table \d+$/,
    theirs: nothing,
    ours: there,
    where: /^vrf/,
  },
];
