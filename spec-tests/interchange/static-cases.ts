/** The attachments whose addresses somebody names: static by itself, and behind bridge. */

import type { Config } from "../bed/invocation.ts";
import { type Case, type Column, type Part, table } from "./cases.ts";

const address = { address: "10.1.2.5/24", gateway: "10.1.2.1" };
const ipv6 = { address: "fd00:1::5/64", gateway: "fd00:1::1" };

function ipam(more: Config): Part {
  return { config: { ipam: { type: "static", ...more } } };
}

const addressing: Column = {
  "one address": ipam({ addresses: [address] }),
  "no gateway": ipam({ addresses: [{ address: "10.1.2.5/24" }] }),
  "two families": ipam({ addresses: [address, ipv6] }),
  "two of one family": ipam({ addresses: [address, { address: "10.1.3.5/24" }] }),
  "an address of one": ipam({ addresses: [{ address: "10.1.2.5/32" }] }),
  routes: ipam({
    addresses: [address, ipv6],
    routes: [
      { dst: "0.0.0.0/0" },
      { dst: "192.0.2.0/24", gw: "10.1.2.9", priority: 50, table: 77, scope: 0 },
      { dst: "2001:db8::/32", gw: "fd00:1::9" },
    ],
  }),
  "several gateways of one destination": ipam({
    addresses: [address, ipv6],
    routes: [
      { dst: "2001:db8::/32", gw: "fd00:1::8" },
      { dst: "2001:db8::/32", gw: "fd00:1::9" },
    ],
  }),
  dns: ipam({
    addresses: [address],
    dns: { nameservers: ["10.1.2.1"], domain: "example", search: ["a"], options: ["ndots:2"] },
  }),
  "IP by CNI_ARGS": {
    ...ipam({ addresses: [address] }),
    args: "IP=10.3.0.9/24,10.4.0.9/24;GATEWAY=10.3.0.1;IgnoreUnknown=1",
  },
  "IP by args.cni": {
    config: {
      ...ipam({ addresses: [address] }).config,
      args: { cni: { ips: ["10.1.2.78/24"] } },
    },
    args: "IP=10.3.0.9/24;IgnoreUnknown=1",
  },
  "IP by runtimeConfig": {
    config: {
      ...ipam({ addresses: [address] }).config,
      args: { cni: { ips: ["10.1.2.78/24"] } },
      runtimeConfig: { ips: ["10.1.2.79/24", "fd00:1::79/64"] },
    },
  },
};

const refusals: Column = {
  "no address": ipam({}),
  "an address without length": ipam({ addresses: [{ address: "10.1.2.5" }] }),
  "an address that is none": ipam({ addresses: [{ address: "everywhere/24" }] }),
  "a gateway that is none": ipam({ addresses: [{ ...address, gateway: "10.1.2" }] }),
  "a gateway of the other family": ipam({ addresses: [{ ...address, gateway: "fd00:1::1" }] }),
  "an address twice": ipam({ addresses: [address, address] }),
  "a route that is none": ipam({ addresses: [address], routes: [{ dst: "everywhere" }] }),
  "a length missing in CNI_ARGS": { ...ipam({ addresses: [address] }), args: "IP=10.3.0.9" },
  "a gateway in CNI_ARGS that is none": {
    ...ipam({ addresses: [address] }),
    args: "IP=10.3.0.9/24;GATEWAY=10.3",
  },
  "a length missing in runtimeConfig": {
    config: {
      ...ipam({ addresses: [address] }).config,
      runtimeConfig: { ips: ["10.1.2.79"] },
    },
  },
  "no ipam": { config: { ipam: undefined } },
};

const ends = { versions: "oldest and newest" } as const;
const shapes = { versions: "one of each shape" } as const;
const onItsOwn: Part = { config: { name: "net" } };
const onBridge: Part = { config: { name: "net", bridge: "br0" } };

/** All cases. */
export const staticCases: readonly Case[] = [
  ...table("static", { ...onItsOwn, ...shapes }, addressing),
  ...table("static", { ...onItsOwn, ...ends }, refusals),
  ...table("bridge", { ...onBridge, ...shapes }, prefixed("static, ", addressing)),
];

function prefixed(prefix: string, column: Column): Column {
  return Object.fromEntries(
    Object.entries(column).map(([name, part]) => [`${prefix}${name}`, part]),
  );
}
