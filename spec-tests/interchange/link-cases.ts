/** The attachments of the plugins that give a container a link: each setting by itself. */

import { type Case, type Column, ipam, type Part, table } from "./cases.ts";

const subnet = "10.1.2.0/24";
const ipv6 = "fd00:1::/64";
const mac = "0a:58:0a:01:02:03";

/* ---- what all of them are asked ---- */

const addressing: Column = {
  "one subnet": ipam({ subnet }),
  "IPv6 only": ipam({ subnet: ipv6 }),
  "two families": ipam({ ranges: [[{ subnet }], [{ subnet: ipv6 }]] }),
  "two subnets of a family": ipam({ ranges: [[{ subnet }], [{ subnet: "10.1.3.0/24" }]] }),
  "a gateway": ipam({ subnet, gateway: "10.1.2.254" }),
  "routes of both families": ipam({
    ranges: [[{ subnet }], [{ subnet: ipv6 }]],
    routes: [
      { dst: "0.0.0.0/0" },
      { dst: "192.0.2.0/24", gw: "10.1.2.9" },
      { dst: "2001:db8::/32" },
      { dst: "::/0", gw: "fd00:1::9" },
    ],
  }),
  "a resolv.conf": {
    ...ipam({ subnet, resolvConf: "/run/resolv.conf" }),
    before: "printf '%s\\n' 'nameserver 10.9.0.1' 'search a.example' > /run/resolv.conf",
  },
  "a resolv.conf beside dns": {
    config: {
      ...ipam({ subnet, resolvConf: "/run/resolv.conf" }).config,
      dns: { nameservers: ["10.9.0.53"] },
    },
    before: "echo 'nameserver 10.9.0.1' > /run/resolv.conf",
  },
};

const settings: Column = {
  "no address manager": { config: { ipam: undefined } },
  "mtu 1400": { config: { mtu: 1400 } },
  "dns of the network": { config: { dns: { nameservers: ["10.9.0.53"], search: ["c.example"] } } },
  "dns that is empty": { config: { dns: {} } },
  "MAC by runtimeConfig": { config: { runtimeConfig: { mac } } },
  "MAC by CNI_ARGS": { args: `MAC=${mac};IgnoreUnknown=1` },
  "another interface name": { ifName: "net1" },
  "a key that nobody knows": { config: { unheardOf: { a: [1] } } },
  "null for an option": { config: { mtu: null, dns: null, runtimeConfig: null } },
  "a plugin before it": { previous: "192.0.2.9/24" },
};

const refusals: Column = {
  "a text for a number": { config: { mtu: "1400" } },
  "an address manager nobody has": { config: { ipam: { type: "nowhere" } } },
  "an address manager that refuses": ipam({ subnet: "10.1.2.9/24" }),
  "a namespace that is missing": { env: { CNI_NETNS: "/run/netns/nowhere" } },
  "a namespace that is a file": { before: "touch /run/file", env: { CNI_NETNS: "/run/file" } },
  "the host's own namespace": { env: { CNI_NETNS: "/proc/self/ns/net" } },
  "an interface that is there": { inside: "ip link add eth0 type veth peer name other" },
  "a route by an unreachable gateway": ipam({
    subnet,
    routes: [{ dst: "192.0.2.0/24", gw: "198.51.100.9" }],
  }),
};

/* ---- ptp ---- */

const pairs: Column = {
  "mtu 9000": { config: { mtu: 9000 } },
  ipMasq: { config: { ipMasq: true } },
  "ipMasq, two families": {
    config: { ipMasq: true, ...addressing["two families"]?.config },
  },
  "forwarding is on already": { before: "sysctl -qw net.ipv4.ip_forward=1" },
  "keys in other cases, that of ipMasq as well": { config: { IPMASQ: true, MTU: 1300 } },
};

const laterPairs: Column = {
  "ipMasq by iptables": { config: { ipMasq: true, ipMasqBackend: "iptables" } },
  "ipMasq by nftables": { config: { ipMasq: true, ipMasqBackend: "nftables" } },
  "ipMasq by magic": { config: { ipMasq: true, ipMasqBackend: "magic" } },
};

/* ---- links on a master ---- */

const masterLink = `
  ip link add dev0 type veth peer name dev1
  ip link set dev1 up
  ip link set dev0 up`;

/**
 * A default route's link as the master is not among these: the reference plugins list routes once,
 * and on a busy machine find none at times ("no default route interface found").
 */
const masters: Column = {
  "no master": { config: { master: undefined } },
  "a master that is missing": { config: { master: "nowhere" } },
  "a master that is down": { before: "ip link set dev0 down" },
  "a master of a small MTU": { before: "ip link set dev0 mtu 1300" },
  "an mtu above the master's": { config: { mtu: 1501 } },
  "an mtu below zero": { config: { mtu: -1 } },
  "keys in other cases": { config: { MASTER: "dev0", MTU: 1300, master: undefined } },
};

/** A master in the container, whose other end is there as well. */
const laterMasters: Column = {
  linkInContainer: { config: { linkInContainer: true }, inside: masterLink },
  "linkInContainer, but it is on the host": { config: { linkInContainer: true } },
};

const macvlans: Column = {
  "mode bridge": { config: { mode: "bridge" } },
  "mode private": { config: { mode: "private" } },
  "mode vepa": { config: { mode: "vepa" } },
  "mode passthru": { config: { mode: "passthru" } },
  "an unknown mode": { config: { mode: "magic" } },
  "MAC by mac": { config: { mac } },
  "MAC from all, runtimeConfig first": {
    config: { runtimeConfig: { mac }, mac: "0a:58:0a:01:02:04" },
    args: "MAC=0a:58:0a:01:02:05;IgnoreUnknown=1",
  },
  "a MAC that is none": { config: { mac: "0a:58" } },
};

const laterMacvlans: Column = { bcqueuelen: { config: { bcqueuelen: 100 } } };

const ipvlans: Column = {
  "mode l2": { config: { mode: "l2" } },
  "mode l3": { config: { mode: "l3" } },
  "mode l3s": { config: { mode: "l3s" } },
  "an unknown mode": { config: { mode: "magic" } },
  "the master of the plugin before it": {
    config: { master: undefined, ipam: undefined },
    previous: "192.0.2.9/24",
    before: "ip link add other0 up type veth peer name other1 && ip link set other1 up",
  },
};

const vlans: Column = {
  "VLAN 0": { config: { vlanId: 0 } },
  "no VLAN": { config: { vlanId: undefined } },
  "VLAN 4094": { config: { vlanId: 4094 } },
  "VLAN 4095": { config: { vlanId: 4095 } },
  "VLAN -1": { config: { vlanId: -1 } },
  "a VLAN that is there": { before: "ip link add link dev0 name dev0.5 type vlan id 5" },
};

/* ---- devices of the host ---- */

const deviceLink = `
  ip link add dev0 mtu 1450 address 0a:58:0a:01:02:09 type veth peer name dev1
  ip link set dev1 up`;

const pci = "/sys/bus/pci/devices";

/** A card as sysfs shows it, with the driver it is bound to. */
function card(driver: string): string {
  return `
    mount -t tmpfs tmpfs ${pci}
    mkdir -p ${pci}/0000:00:1f.6/net/dev0 /sys/bus/pci/drivers 2>/dev/null
    mkdir -p ${pci}/drivers/${driver}
    ln -s ${pci}/drivers/${driver} ${pci}/0000:00:1f.6/driver`;
}

const devices: Column = {
  "a device that is up, with an address": {
    before: "ip link set dev0 up && ip address add 192.0.2.1/24 dev dev0",
  },
  hwaddr: { config: { device: undefined, hwaddr: "0a:58:0a:01:02:09" } },
  "hwaddr in capitals with hyphens": {
    config: { device: undefined, hwaddr: "0A-58-0A-01-02-09" },
  },
  pciBusID: { config: { device: undefined, pciBusID: "0000:00:1f.6" }, before: card("e1000e") },
  "pciBusID, without address manager": {
    config: { device: undefined, pciBusID: "0000:00:1f.6", ipam: undefined },
    before: card("e1000e"),
  },
  "a driver of DPDK": {
    config: { device: undefined, pciBusID: "0000:00:1f.6" },
    before: card("vfio-pci"),
  },
  deviceID: {
    config: { device: undefined, runtimeConfig: { deviceID: "0000:00:1f.6" } },
    before: card("e1000e"),
  },
  "a deviceID that is missing": {
    config: { device: undefined, runtimeConfig: { deviceID: "0000:00:1f.7" } },
  },
  "no device": { config: { device: undefined } },
  "a device that is missing": { config: { device: "nowhere" } },
  "a kernelpath outside": { config: { device: undefined, kernelpath: "/etc" } },
  "the uplink": {
    before: `
      ip link set dev0 up && ip address add 192.0.2.1/24 dev dev0
      ip route add default via 192.0.2.254`,
  },
  "keys in other cases": { config: { DEVICE: "dev0", device: undefined } },
};

/* ---- taps ---- */

const taps: Column = {
  "owner and group": { config: { owner: 1000, group: 1001 } },
  "an owner": { config: { owner: 1000 } },
  "a group": { config: { group: 1001 } },
  multiQueue: { config: { multiQueue: true } },
  "multiQueue, owner and group": { config: { multiQueue: true, owner: 0, group: 0 } },
  "mtu, owner and group": { config: { mtu: 1400, mac, owner: 1000, group: 1001 } },
  "MAC by mac": { config: { mac } },
  bridge: { config: { bridge: "br0" }, inside: "ip link add br0 up type bridge" },
  "a bridge that is missing": { config: { bridge: "br0" } },
  "a bridge that is none": { config: { bridge: "lo" } },
  "an owner below zero": { config: { owner: -1 } },
  "keys in other cases": { config: { MULTIQUEUE: true, MTU: 1300 } },
};

/* ---- table ---- */

const base: Part = { config: { name: "net", ...ipam({ subnet }).config }, versions: "newest" };
const ends = { versions: "oldest and newest" } as const;

const ptp = base;
const macvlan = part({ config: { master: "dev0" }, before: masterLink });
const ipvlan = part({ ...macvlan, needs: "ipvlan" });
const vlan = part({ ...macvlan, config: { ...macvlan.config, vlanId: 5 }, needs: "802.1Q" });
const hostDevice = part({ config: { device: "dev0" }, before: deviceLink });

function part(more: Part): Part {
  return { ...base, ...more, config: { ...base.config, ...more.config } };
}

/** The rows of one plugin: addresses in the oldest and the newest version, the rest in the newest. */
function rows(program: string, own: Part, ...columns: readonly Column[]): readonly Case[] {
  return [
    ...table(program, { ...own, ...ends }, addressing),
    ...table(program, own, Object.assign({}, settings, refusals, ...columns)),
  ];
}

/** The plugins and settings that every release of the reference has. */
export const linkCases: readonly Case[] = [
  ...rows("ptp", ptp, pairs),
  ...rows("macvlan", macvlan, masters, macvlans),
  ...rows("ipvlan", ipvlan, masters, ipvlans),
  ...rows("vlan", vlan, masters, vlans),
  ...rows("host-device", hostDevice, devices),
];

/** What came since 1.1.1. */
export const laterLinkCases: readonly Case[] = [
  ...table("ptp", ptp, laterPairs),
  ...table("macvlan", macvlan, { ...laterMasters, ...laterMacvlans }),
  ...table("ipvlan", ipvlan, laterMasters),
  ...table("vlan", vlan, laterMasters),
  ...rows("tap", base, taps),
  ...rows("dummy", part({ needs: "dummy" })),
];
