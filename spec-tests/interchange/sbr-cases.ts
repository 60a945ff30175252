/** The plugins that choose routing tables, sbr and vrf, each on a container of our bridge plugin. */

import type { Config } from "../bed/invocation.ts";
import { type Case, type Column, type Part, table } from "./cases.ts";

const subnet = "10.1.2.0/24";
const ipv6 = "fd00:1::/64";

/** The network before them, in which the container has these addresses, and more. */
function after(
  subnets: readonly string[],
  more: Config = {},
  routes: readonly Config[] = [],
): Part {
  const ranges = subnets.map((each) => [{ subnet: each }]);
  const ipam = { type: "host-local", ranges, ...(routes.length > 0 ? { routes } : {}) };
  return { after: { bridge: "br0", isGateway: true, ...more, ipam } };
}

/** What the container has, which both of them take to a table. */
const networks: Column = {
  "one subnet": after([subnet]),
  "IPv6 only": after([ipv6], { isDefaultGateway: true }),
  "two families": after([subnet, ipv6], { isDefaultGateway: true }),
  "two subnets of a family": {
    ...after([subnet, "10.1.3.0/24"], { isDefaultGateway: true }),
    versions: "newest",
  },
  "no gateway": after([subnet], { isGateway: false }),
  routes: after([subnet, ipv6], { isDefaultGateway: true }, [
    { dst: "192.0.2.0/24", gw: "10.1.2.9" },
    { dst: "198.51.100.0/24" },
    { dst: "2001:db8::/32", gw: "fd00:1::9" },
  ]),
  "another link beside it": {
    ...after([subnet, ipv6], { isDefaultGateway: true }),
    inside: `
      ip link add other0 up type veth peer name other1
      ip address add 192.0.2.5/24 dev other0
      ip link set other1 up
      ip route add default via 192.0.2.1 metric 5`,
  },
};

const inUse: Column = {
  "a table that a rule leads to": { inside: "ip rule add from 192.0.2.1 lookup 100" },
  "a key that nobody knows": { config: { unheardOf: { a: [1] } } },
};

/** What came with later releases of the reference, which this one does not heed. */
const later: Column = {
  table: { config: { table: 700 } },
  gateways: { config: { gateways: ["10.1.2.9", "fd00:1::9"] } },
  "a gateway of one family": { config: { gateways: ["10.1.2.9"] } },
  addSourceHints: { config: { addSourceHints: true } },
};

const settings: Column = { ...networks, ...inUse, ...later };

const noAddress: Column = {
  "no addresses": { after: { bridge: "br0" }, versions: "newest" },
};

/** Names and tables of VRFs; some are there already. */
const vrfs: Column = {
  table: { config: { table: 7000 } },
  "a VRF that is there": { inside: "ip link add blue up type vrf table 5" },
  "a VRF that is there, with its table": {
    config: { table: 5 },
    inside: "ip link add blue up type vrf table 5",
  },
  "a table of another VRF": { inside: "ip link add red up type vrf table 1" },
};

const noVrf: Column = {
  "no name": { config: { vrfname: undefined } },
  "a VRF of another table": {
    config: { table: 6 },
    inside: "ip link add blue up type vrf table 5",
  },
  "a bridge of its name": { inside: "ip link add blue type bridge" },
};

const dualStack = after([subnet, ipv6], { isDefaultGateway: true });
const ends = { versions: "oldest and newest" } as const;
const first: Column = { "first in the list": {} };

const sbr: Part = { config: { name: "net" }, ...ends };
const vrf: Part = { config: { name: "net", vrfname: "blue" }, needs: "vrf", versions: "newest" };

/** All cases; those of vrf, which run in a virtual machine, in one version. */
export const sbrCases: readonly Case[] = [
  ...table("sbr", { ...sbr, ...dualStack, versions: "one of each shape" }, settings),
  ...table("sbr", { ...sbr, ...dualStack }, noAddress),
  ...table("sbr", sbr, first),
  ...table("vrf", { ...vrf, ...dualStack }, { ...networks, ...vrfs, ...noVrf }),
  ...table("vrf", vrf, first),
];
