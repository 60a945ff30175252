/** The plugins that come after another in a list, each on a container of our bridge plugin. */

import type { Config } from "../bed/invocation.ts";
import { type Case, type Column, type Part, table } from "./cases.ts";

const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];

/** The network before them. */
const after: Config = { bridge: "br0", isGateway: true, ipam: { type: "host-local", ranges } };
const chained: Part = { config: { name: "net" }, after, versions: "one of each shape" };
const alone: Part = { config: { name: "net" }, versions: "oldest and newest" };

const bandwidth: Column = {
  "no limit": {},
  "ingress only": { config: { ingressRate: 1_000_000, ingressBurst: 800_000 } },
  "egress only": { config: { egressRate: 2_000_000, egressBurst: 400_000 } },
  "both directions": {
    config: {
      ingressRate: 1_000_000,
      ingressBurst: 800_000,
      egressRate: 2_000_000,
      egressBurst: 400_000,
    },
  },
  "limits of the runtime": {
    config: { runtimeConfig: { bandwidth: { ingressRate: 1_000_000, ingressBurst: 800_000 } } },
  },
  "limits of both, its own first": {
    config: {
      ingressRate: 1_000_000,
      ingressBurst: 800_000,
      runtimeConfig: { bandwidth: { egressRate: 2_000_000, egressBurst: 400_000 } },
    },
  },
  "the burst that runtimes give": {
    config: { ingressRate: 1_000_000, ingressBurst: 4_294_967_295 },
  },
  "a burst below a packet": {
    config: { ingressRate: 123, ingressBurst: 456, egressRate: 123, egressBurst: 456 },
  },
  "a rate without burst": { config: { ingressRate: 1_000_000 }, versions: "oldest and newest" },
  "a burst without rate": { config: { egressBurst: 1_000_000 }, versions: "oldest and newest" },
  "a burst of 4 GB": {
    config: { ingressRate: 1_000_000, ingressBurst: 34_359_738_368 },
    versions: "oldest and newest",
  },
  "a text for a number": { config: { ingressRate: "1" }, versions: "oldest and newest" },
};

const firewall: Column = {
  "no settings": {},
  iptables: { config: { backend: "iptables" } },
  "a chain of the administrator": {
    config: { backend: "iptables", iptablesAdminChainName: "MY-ADMIN" },
  },
  "ingress policy open": { config: { ingressPolicy: "open" } },
  "ingress policy same-bridge": { config: { ingressPolicy: "same-bridge" } },
  "an unknown backend": { config: { backend: "magic" }, versions: "oldest and newest" },
  "an unknown policy": { config: { ingressPolicy: "magic" }, versions: "oldest and newest" },
};

const mac = "0a:58:0a:01:02:03";

const tuning: Column = {
  "no settings": {},
  "a sysctl": { config: { sysctl: { "net.ipv4.conf.all.log_martians": "1" } } },
  "a sysctl of the interface": { config: { sysctl: { "net.ipv4.conf.IFNAME.proxy_arp": "1" } } },
  "a sysctl with slashes": { config: { sysctl: { "net/ipv4/conf/IFNAME/rp_filter": "2" } } },
  mac: { config: { mac } },
  "mac by args.cni": { config: { args: { cni: { mac } } } },
  "mac by runtimeConfig": { config: { runtimeConfig: { mac } } },
  "mac by CNI_ARGS": { args: `IgnoreUnknown=1;MAC=${mac}` },
  mtu: { config: { mtu: 1400 } },
  promisc: { config: { promisc: true } },
  allmulti: { config: { allmulti: true } },
  txQLen: { config: { txQLen: 500 } },
  "all of them": {
    config: {
      mac,
      mtu: 1400,
      promisc: true,
      allmulti: true,
      sysctl: { "net.core.somaxconn": "500" },
    },
  },
  "a sysctl outside net": {
    config: { sysctl: { "kernel.msgmax": "1" } },
    versions: "oldest and newest",
  },
  "a sysctl that leads outside": {
    config: { sysctl: { "net.../kernel/msgmax": "1" } },
    versions: "oldest and newest",
  },
  "a sysctl that is not there": {
    config: { sysctl: { "net.nowhere": "1" } },
    versions: "oldest and newest",
  },
  "a mac that is none": { config: { mac: "0a:58" }, versions: "oldest and newest" },
  "an mtu no link can have": { config: { mtu: 70_000 }, versions: "oldest and newest" },
};

/** Without a plugin before it, most have nothing to work on. */
const first: Column = { "first in the list": {} };

/** All cases. */
export const chainedCases: readonly Case[] = [
  ...table("bandwidth", chained, bandwidth),
  ...table(
    "bandwidth",
    { ...alone, config: { name: "net", ingressRate: 8000, ingressBurst: 80000 } },
    first,
  ),
  ...table("firewall", chained, firewall),
  ...table("firewall", alone, first),
  ...table("tuning", chained, tuning),
  ...table("tuning", alone, first),
];
