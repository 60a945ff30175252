/** The attachments that both sides are asked to make: a table that is generated from its columns. */

import type { Config } from "../bed/invocation.ts";
import type { Feature } from "../bed/kernel.ts";

/** One ADD that both sides are asked for; the version is filled in later. */
export interface Case {
  readonly title: string;
  readonly program: string;
  readonly config: Config;
  /** CNI_ARGS. */
  readonly args?: string;
  readonly ifName?: string;
  /** Changes to the environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A shell script that prepares the host. */
  readonly before?: string;
  /** A shell script that prepares the container. */
  readonly inside?: string;
  /** The address that the plugin before it in the list has given the container. */
  readonly previous?: string;
  /** The network of our bridge plugin that a chained plugin comes after. */
  readonly after?: Config;
  /** Enough versions of the specification; all if not given. */
  readonly versions?: "one of each shape" | "oldest and newest" | "newest";
  /** What the kernel must have, or the case cannot be tried. */
  readonly needs?: Feature;
  /** Whether it is the address manager that refuses, whoever asks it. */
  readonly isOfDelegate?: boolean;
}

/** Entries by their names in the titles of the cases. */
export type Column = Readonly<Record<string, Part>>;
export type Part = Omit<Partial<Case>, "title" | "program">;

/* ---- columns ---- */

const subnet = "10.1.2.0/24";
const ipv6 = "fd00:1::/64";

/** How addresses are managed; a function of what an interface plugin would add is not needed. */
const addressing: Column = {
  "one subnet": ipam({ subnet }),
  "IPv6 only": ipam({ subnet: ipv6 }),
  "two families": ipam({ ranges: [[{ subnet }], [{ subnet: ipv6 }]] }),
  "an old-style subnet and ranges": ipam({ subnet, ranges: [[{ subnet: ipv6 }]] }),
  "several ranges in a set": ipam({
    ranges: [[{ subnet, rangeEnd: "10.1.2.3" }, { subnet: "10.1.3.0/24" }]],
  }),
  "two sets of one family": ipam({ ranges: [[{ subnet }], [{ subnet: "10.1.3.0/24" }]] }),
  "a range": ipam({ subnet, rangeStart: "10.1.2.40", rangeEnd: "10.1.2.60" }),
  "a range from the network's address": ipam({ subnet, rangeStart: "10.1.2.0" }),
  "a gateway": ipam({ subnet, gateway: "10.1.2.254" }),
  "a gateway elsewhere": ipam({ subnet, gateway: "10.9.9.9" }),
  "a small subnet": ipam({ subnet: "10.1.2.0/28" }),
  routes: ipam({
    subnet,
    routes: [{ dst: "0.0.0.0/0" }, { dst: "192.0.2.0/24", gw: "10.1.2.9" }],
  }),
  "routes of both families": ipam({
    ranges: [[{ subnet }], [{ subnet: ipv6 }]],
    routes: [{ dst: "192.0.2.0/24" }, { dst: "2001:db8::/32" }, { dst: "::/0", gw: "fd00:1::9" }],
  }),
  "a route of a family without address": ipam({ subnet, routes: [{ dst: "2001:db8::/32" }] }),
  "a resolv.conf": {
    ...ipam({ subnet, resolvConf: "/run/resolv.conf" }),
    before: `printf '%s\\n' '# made' 'nameserver 10.9.0.1' 'nameserver fd00::1' 'domain example.org' \\
      'search a.example b.example' 'options ndots:2' 'sortlist 10.0.0.0' > /run/resolv.conf`,
  },
  "a folder of its own": ipam({ subnet, dataDir: "/var/lib/elsewhere" }),
};

/** Who asks for which address. */
const requests: Column = {
  "IP by CNI_ARGS": { args: "IgnoreUnknown=1;IP=10.1.2.77" },
  "IP with a prefix by CNI_ARGS": { args: "IP=10.1.2.77/16" },
  "IP by args.cni": { config: { args: { cni: { ips: ["10.1.2.78"] } } } },
  "IP by runtimeConfig": { config: { runtimeConfig: { ips: ["10.1.2.79/24"] } } },
  "ranges by runtimeConfig": {
    config: { ipam: { type: "host-local" }, runtimeConfig: { ipRanges: [[{ subnet }]] } },
  },
  "more ranges by runtimeConfig": { config: { runtimeConfig: { ipRanges: [[{ subnet: ipv6 }]] } } },
  "unknown but ignored CNI_ARGS": { args: "IgnoreUnknown=true;K8S_POD_NAME=web;OTHER=x" },
};

/** What a bridge is to be for its containers. */
const gateways: Column = {
  "": {},
  isGateway: { config: { isGateway: true } },
  isDefaultGateway: { config: { isDefaultGateway: true } },
};

const mac = "0a:58:0a:01:02:03";

/** Settings of the bridge plugin, each by itself. */
const settings: Column = {
  "no bridge named": { config: { bridge: undefined } },
  "mtu 1400": { config: { mtu: 1400 } },
  "mtu 9000": { config: { mtu: 9000 } },
  hairpinMode: { config: { hairpinMode: true } },
  promiscMode: { config: { promiscMode: true } },
  enabledad: { config: { enabledad: true } },
  ipMasq: { config: { ipMasq: true, isGateway: true } },
  "ipMasq without gateway": { config: { ipMasq: true } },
  macspoofchk: { config: { macspoofchk: true } },
  forceAddress: {
    config: { isGateway: true, forceAddress: true },
    before: "ip link add br0 type bridge && ip address add 10.1.2.99/24 dev br0",
  },
  "a bridge that has the gateway's address": {
    config: { isGateway: true },
    before: "ip link add br0 type bridge && ip address add 10.1.2.1/24 dev br0",
  },
  "a bridge with another address": {
    config: { isGateway: true },
    before: "ip link add br0 type bridge && ip address add 10.1.2.99/24 dev br0",
  },
  "a bridge with an address of another subnet": {
    config: { isGateway: true },
    before: "ip link add br0 type bridge && ip address add 192.0.2.1/24 dev br0",
  },
  "a bridge that is down, with an MTU": {
    before: "ip link add br0 mtu 1300 type bridge",
  },
  "forwarding is on already": {
    config: { isGateway: true },
    before: "sysctl -qw net.ipv4.ip_forward=1",
  },
  "dns of the network": { config: { dns: { nameservers: ["10.9.0.53"], search: ["c.example"] } } },
  "dns with a domain": { config: { dns: { domain: "example.net", options: ["ndots:1"] } } },
  "dns that is empty": { config: { dns: {} } },
  "dns with empty lists": { config: { dns: { nameservers: [], search: [] } } },
  "MAC by runtimeConfig": { config: { runtimeConfig: { mac } } },
  "MAC by args.cni": { config: { args: { cni: { mac } } } },
  "MAC by CNI_ARGS": { args: `MAC=${mac};IgnoreUnknown=1` },
  "MAC from all, runtimeConfig first": {
    config: {
      runtimeConfig: { mac },
      args: { cni: { mac: "0a:58:0a:01:02:04" } },
    },
    args: "MAC=0a:58:0a:01:02:05",
  },
  "MAC in capitals with hyphens": { config: { runtimeConfig: { mac: "0A-58-0A-01-02-03" } } },
  "another interface name": { ifName: "net1" },
  "an interface name of 15 bytes": { ifName: "abcdefghijklmn." },
  "keys in other cases": { config: { ISGATEWAY: true, MTU: 1300, hairpinmode: true } },
  "a key that nobody knows": { config: { unheardOf: { a: [1] } } },
  "null for an option": { config: { mtu: null, isGateway: null, dns: null } },
  "a plugin before it": { previous: "192.0.2.9/24" },
};

/** A container's end that stays down, as virtual machines in pods want it. */
const leftDown: Column = {
  disableContainerInterface: { config: { disableContainerInterface: true } },
  "disableContainerInterface, mtu 1400": { config: { disableContainerInterface: true, mtu: 1400 } },
};

/** Ranges that cannot be used; the code is compared, and what is left. */
const ranges: Column = {
  "no subnet": ipam({}),
  "a subnet that is none": ipam({ subnet: "10.1.2.0" }),
  "a subnet with host bits": ipam({ subnet: "10.1.2.9/24" }),
  "a subnet that is too small": ipam({ subnet: "10.1.2.0/31" }),
  "a range that begins outside": ipam({ subnet, rangeStart: "10.1.3.1" }),
  "a range that ends outside": ipam({ subnet, rangeEnd: "10.1.3.1" }),
  "a range that ends before it begins": ipam({
    subnet,
    rangeStart: "10.1.2.9",
    rangeEnd: "10.1.2.8",
  }),
  "ranges that overlap": ipam({ ranges: [[{ subnet }, { subnet }]] }),
  "sets that overlap": ipam({ ranges: [[{ subnet }], [{ subnet }]] }),
  "a set of mixed families": ipam({ ranges: [[{ subnet }, { subnet: ipv6 }]] }),
  "a set that is empty": ipam({ ranges: [[]] }),
  "a gateway that is none": ipam({ subnet, gateway: "10.1.2" }),
  "a route that is none": ipam({ subnet, routes: [{ dst: "everywhere" }] }),
  "a number where a text belongs": ipam({ subnet: 10 }),
};

/** Attachments that cannot be made. */
const refusals: Column = {
  "a resolv.conf that is missing": ipam({ subnet, resolvConf: "/run/nowhere" }),
  "no address left": ipam({ subnet: "10.1.2.0/30", rangeStart: "10.1.2.1", rangeEnd: "10.1.2.1" }),
  "an IP that is none": { args: "IP=10.1.2" },
  "an IP that is the gateway's": { args: "IP=10.1.2.1" },
  "an IP of elsewhere": { args: "IP=192.0.2.1" },
  "an unknown argument": { args: "FOO=1" },
  "an argument without value": { args: "FOO" },
  "no name": { config: { name: undefined } },
  "a name with a slash": { config: { name: "a/b" } },
  "a version nobody knows": { config: { cniVersion: "9.9.9" } },
  "no container": { env: { CNI_CONTAINERID: undefined } },
  "a container ID with a slash": { env: { CNI_CONTAINERID: "a/b" } },
  "no interface name": { env: { CNI_IFNAME: undefined } },
  "an interface name that is too long": { ifName: "abcdefghijklmnop" },
};

/** What only the bridge plugin refuses. */
const bridgeRefusals: Column = {
  "hairpin and promiscuous": { config: { hairpinMode: true, promiscMode: true } },
  "a VLAN out of range": { config: { vlan: 4095 } },
  "a text for a number": { config: { mtu: "1400" } },
  "a MAC that is none": { config: { runtimeConfig: { mac: "0a:58" } } },
  "an address manager nobody has": { config: { ipam: { type: "nowhere" } } },
  "an address manager with a slash": { config: { ipam: { type: "a/b" } } },
  "a namespace that is missing": { env: { CNI_NETNS: "/run/netns/nowhere" } },
  "a namespace that is a file": { before: "touch /run/file", env: { CNI_NETNS: "/run/file" } },
  "the host's own namespace": { env: { CNI_NETNS: "/proc/self/ns/net" } },
  "an interface that is there": { inside: "ip link add eth0 type veth peer name other" },
  "a bridge that is none": { before: "ip link add br0 type veth peer name other" },
  "a bridge name that is too long": { config: { bridge: "abcdefghijklmnop" } },
  "a route by an unreachable gateway": ipam({
    subnet,
    routes: [{ dst: "192.0.2.0/24", gw: "198.51.100.9" }],
  }),
  "a route that is there": ipam({ subnet, routes: [{ dst: subnet, gw: "10.1.2.9" }] }),
};

/** The container's own loopback. */
const loopbacks: Column = {
  "that is down": {},
  "that is up": { inside: "ip link set lo up" },
  "with another loopback address": { inside: "ip address add 127.0.0.9/8 dev lo" },
  "with an address of the world": { inside: "ip address add 192.0.2.1/32 dev lo" },
  "without IPv6": { inside: "sysctl -qw net.ipv6.conf.all.disable_ipv6=1" },
  "after another plugin": { previous: "192.0.2.9/24" },
  "under another name": { ifName: "eth0" },
};

/** Addresses by host-local. */
export function ipam(more: Config): Part {
  return { config: { ipam: { type: "host-local", ...more } } };
}

/* ---- table ---- */

const ends = { versions: "oldest and newest" } as const;
const shapes = { versions: "one of each shape" } as const;
const onBridge: Part = { config: { name: "net", bridge: "br0", ...ipam({ subnet }).config } };
const onItsOwn: Part = { config: { name: "net", ...ipam({ subnet }).config } };

/** All cases. */
export const cases: readonly Case[] = [
  ...table("bridge", onBridge, addressing, gateways),
  ...table("bridge", onBridge, requests),
  ...table("bridge", { ...onBridge, ...shapes }, settings),
  ...table("bridge", { config: { name: "net", bridge: "br0" }, ...shapes }, layer2()),
  ...table("bridge", { config: { name: "net", bridge: "br0" }, ...shapes }, leftDown),
  ...table("bridge", { ...onBridge, ...ends, isOfDelegate: true }, ranges),
  ...table("bridge", { ...onBridge, ...ends }, { ...refusals, ...bridgeRefusals }),
  ...table("host-local", onItsOwn, addressing),
  ...table("host-local", onItsOwn, requests),
  ...table("host-local", { ...onItsOwn, ...ends }, { ...ranges, ...refusals }),
  ...table("loopback", { config: { name: "lo" }, ifName: "lo" }, loopbacks),
];

/** Without an address manager: the settings that mean something then. */
function layer2(): Column {
  const names = ["mtu 1400", "hairpinMode", "promiscMode", "dns of the network", "macspoofchk"];
  const all = Object.entries({ ...settings, ...gateways }).filter(
    ([name]) => [...names, "", "isGateway"].includes(name) || name.startsWith("MAC "),
  );
  return Object.fromEntries(all.map(([name, part]) => [`layer 2 ${name}`.trim(), part]));
}

/** A case for every combination of the columns' entries. */
export function table(program: string, base: Part, ...columns: readonly Column[]): readonly Case[] {
  const rows = columns.reduce<readonly (readonly [readonly string[], Part])[]>(
    (before, column) =>
      before.flatMap(([names, part]) =>
        Object.entries(column).map(
          ([name, more]) => [[...names, name], combined(part, more)] as const,
        ),
      ),
    [[[], base]],
  );
  return rows.map(([names, part]) => {
    const title = `${program}, ${names.filter((name) => name !== "").join(", ")}`;
    return { program, title, ...part, config: { type: program, ...part.config } };
  });
}

/** Settings of the second replace those of the first; what prepares the host is done for both. */
function combined(part: Part, more: Part): Part {
  const before = [part.before, more.before].filter((script) => script !== undefined).join("\n");
  const config = { ...part.config, ...more.config };
  return { ...part, ...more, config, ...(before === "" ? {} : { before }) };
}
