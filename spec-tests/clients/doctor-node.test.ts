/** `weft doctor` of a node: each finding is made true, and is silent where it is not. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { it } from "../bed/it.ts";
import { kernelHas, needs } from "../bed/kernel.ts";
import { resultsFolder } from "../bed/lists.ts";
import { Node } from "../bed/node.ts";

const ipam = { type: "host-local", subnet: "10.251.40.0/24" };
const gateway = { type: "bridge", bridge: "cni9", isGateway: true, ipMasq: true, ipam };

describe("weft doctor", () => {
  it("finds nothing wrong where nothing is, and changes nothing", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    const before = bed.snapshot();
    expect(node.doctor()).toMatchObject({ status: 0, stderr: "" });
    expect(node.doctor().stdout).toMatch(/^nothing wrong: \d+ things looked at\n$/);
    expect(node.doctor("--json")).toMatchObject({ status: 0, stdout: "[]\n" });
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("tells a finding a line, the worst first, and ends by the worst", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [{ ...gateway, isGatewy: true }] });
    const warned = node.doctor();
    expect(warned).toMatchObject({ status: 0, stderr: "" });
    expect(warned.stdout).toMatch(/^warning: list-invalid: .*isGatewy.* Correct the file.*\n$/);
    node.list({ plugins: [{ type: "nonesuch" }] }, "20-other.conflist");
    const { status, stdout } = node.doctor();
    expect(status).toBe(1);
    expect(stdout.split("\n").map((line) => line.split(":")[0])).toEqual([
      ...["error", "warning", "warning", ""],
    ]);
  });

  it("is called wrongly with other words", ({ bed }) => {
    expect(new Node(bed).doctor("net")).toMatchObject({ status: 2, stdout: "" });
  });

  it("says what it cannot look at, and looks at the rest", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    bed.host.sh("mkdir /etc/cni/net.d/20-loop; ln -s 30.conflist /etc/cni/net.d/30.conflist");
    const findings = node.findings();
    expect(findings.map(({ id }) => id)).toContain("not-checked");
  });

  it("shows no escapes of a terminal, whatever a file says", ({ bed }) => {
    const node = new Node(bed);
    const name = "\u001b[31mred\n\u009b1m";
    node.list({ name, plugins: [{ type: "nonesuch" }], "\u001b]0;x": 1 });
    const { stdout } = node.doctor();
    expect(stdout).toContain("nonesuch");
    expect(stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });

  it("shows without root what it can, and says for the rest that it needs root", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    const line = `setpriv --reuid 65534 --regid 65534 --clear-groups ${bed.bin}/weft doctor --json`;
    const { status, stdout } = node.lists.run(line, { NETCONFPATH: "/etc/cni/net.d" });
    expect(status).toBe(0);
    for (const finding of JSON.parse(stdout)) {
      expect(finding).toMatchObject({ level: "note", advice: "Ask again as root" });
    }
  });
});

/** A node with a network that is routed by the bridge `cni9`, which is there if it is wanted. */
function routed(bed: Bed, config: object = gateway, script = ""): Node {
  const node = new Node(bed);
  node.list({ plugins: [config] });
  bed.host.sh(script);
  return node;
}

const makeBridge = "ip link add cni9 type bridge && ip link set cni9 up";
const giveGateway = `${makeBridge} && ip address add 10.251.40.1/24 dev cni9`;
const firewall = { type: "firewall" };

/** From now on the kernel seems to say a number in place of a sysctl that is not of the namespace. */
function pretend(bed: Bed, path: string, source: string, value: number): void {
  bed.host.sh(`
    echo ${value} >/proc/sys/net/ipv4/${source}
    mount --bind /proc/sys/net/ipv4/${source} /proc/sys/${path}`);
}

/** Keeps results of so many attachments. */
function keep(bed: Bed, count: number): void {
  const names = Array.from({ length: count }, (_, i) => `box${i}`);
  bed.host.sh(`mkdir -p -m 700 ${resultsFolder}`);
  for (const containerId of names) {
    const kept = {
      kind: "cniCacheV1",
      containerId,
      networkName: "net",
      ifName: "eth0",
      config: "",
    };
    bed.write(`${resultsFolder}/net-${containerId}-eth0`, JSON.stringify({ ...kept, result: {} }));
  }
}

describe("kernel-feature", () => {
  for (const type of ["ipvlan", "macvlan", "dummy", "vrf"] as const) {
    it(`is what a list with ${type} needs and the kernel has not`, ({ bed }) => {
      const node = routed(bed, { type, master: "uplink0", vrfname: "red", ipam });
      const found = node.of("kernel-feature");
      if (kernelHas(type)) expect(found).toEqual([]);
      else
        expect(found).toMatchObject([{ level: "error", finding: expect.stringContaining(type) }]);
      expect(bed.host.links()).toEqual(["lo", "uplink0"]);
    });
  }

  it("is nothing for what bridge, ptp, portmap, firewall, bandwidth and tap need here", ({
    bed,
  }) => {
    const node = routed(bed, { type: "ptp", ipam });
    const more = ["portmap", "firewall", "bandwidth"].map((type) => ({ type }));
    node.list({ name: "other", plugins: [gateway, ...more] }, "20-other.conflist");
    expect(node.of("kernel-feature")).toEqual([]);
  });
});

describe("links that networks name", () => {
  it("are bridges where a bridge is meant", ({ bed }) => {
    const node = routed(bed, gateway, "ip link add cni9 type veth peer name cni8");
    expect(node.of("bridge-kind")).toMatchObject([
      { level: "error", finding: expect.stringMatching(/"cni9", but .* of kind veth$/) },
    ]);
    bed.host.sh(`ip link delete cni9; ${makeBridge}`);
    expect(node.of("bridge-kind")).toEqual([]);
  });

  it("are there, and up, where a master is meant", ({ bed }) => {
    const node = routed(bed, { type: "macvlan", master: "nic0", ipam });
    expect(node.of("master-missing")).toMatchObject([
      { level: "error", finding: 'Network "net" is above link "nic0", which is not there' },
    ]);
    bed.host.sh("ip link add nic0 type veth peer name nic1");
    expect(node.of("master-missing")).toMatchObject([{ advice: "Run: ip link set nic0 up" }]);
    bed.host.sh("ip link set nic0 up");
    expect(node.of("master-missing")).toEqual([]);
  });
});

describe("ip-forward", () => {
  it("is a host that stopped to forward what containers send", ({ bed }) => {
    const node = routed(bed);
    bed.add("bridge", bed.container(), { cniVersion: "1.0.0", name: "net", ...gateway });
    expect(node.findings()).toEqual([]);
    bed.host.sh("sysctl -qw net.ipv4.ip_forward=0");
    expect(node.of("ip-forward")).toMatchObject([
      { level: "error", advice: expect.stringContaining("sysctl -w net/ipv4/ip_forward=1") },
    ]);
  });

  it("is the same for IPv6", ({ bed }) => {
    const node = routed(
      bed,
      gateway,
      `${makeBridge} && ip address add fd00:40::1/64 dev cni9 nodad`,
    );
    expect(node.of("ip-forward")).toMatchObject([{ finding: expect.stringContaining("IPv6") }]);
    bed.host.sh("sysctl -qw net.ipv6.conf.all.forwarding=1");
    expect(node.of("ip-forward")).toEqual([]);
  });

  it("is nothing where a bridge only switches", ({ bed }) => {
    const node = routed(bed, { type: "bridge", bridge: "cni9" }, giveGateway);
    expect(node.of("ip-forward")).toEqual([]);
  });
});

describe("forward-policy", () => {
  it("is a policy of iptables to drop, for lists without the firewall plugin", ({ bed }) => {
    const node = routed(bed, gateway, "iptables-nft -P FORWARD DROP");
    expect(node.of("forward-policy")).toMatchObject([
      {
        level: "error",
        finding:
          'Chain "FORWARD" of table "ip filter" drops all forwarded packets, and plugins of "net" add none there',
        advice: expect.stringContaining('{ "type": "firewall" }'),
      },
    ]);
    bed.host.sh("iptables-nft -A FORWARD -i cni9 -j ACCEPT");
    expect(node.of("forward-policy")).toMatchObject([{ level: "warning" }]);
    node.list({ plugins: [gateway, firewall] });
    expect(node.of("forward-policy")).toEqual([]);
    node.list({ plugins: [gateway] });
    bed.host.sh("iptables-nft -P FORWARD ACCEPT");
    expect(node.of("forward-policy")).toEqual([]);
  });

  it("is only of the families that networks have", ({ bed }) => {
    const node = routed(bed, gateway, "ip6tables-nft -P FORWARD DROP");
    expect(node.of("forward-policy")).toEqual([]);
    node.list({ plugins: [{ ...gateway, ipam: { ...ipam, subnet: "fd00:40::/64" } }] });
    expect(node.of("forward-policy")).toMatchObject([
      { finding: expect.stringContaining('"ip6 filter"') },
    ]);
  });

  it("is a chain of nftables of somebody's own, to which the plugin does not speak", ({ bed }) => {
    const chain = "{ type filter hook forward priority 10; policy drop; }";
    const node = routed(
      bed,
      gateway,
      `nft add table inet own; nft 'add chain inet own mine ${chain}'`,
    );
    node.list({ plugins: [gateway, firewall] });
    expect(node.of("forward-policy")).toMatchObject([
      { finding: expect.stringContaining('"mine" of table "inet own"') },
    ]);
    bed.host.sh("nft 'chain inet own mine { policy accept; }'");
    expect(node.of("forward-policy")).toEqual([]);
  });

  it("is firewalld, unless the plugin speaks to it", ({ bed }) => {
    const node = routed(bed, gateway, "nft add table inet firewalld");
    expect(node.of("forward-policy")).toMatchObject([
      { finding: expect.stringMatching(/^firewalld /) },
    ]);
    node.list({ plugins: [gateway, firewall] });
    expect(node.of("forward-policy")).toEqual([]);
  });

  needs("legacy iptables")("is a policy of the older iptables", ({ bed }) => {
    const node = routed(bed, gateway, "iptables-legacy -P FORWARD DROP");
    expect(node.of("forward-policy")).toMatchObject([
      { level: "warning", finding: expect.stringContaining("iptables-legacy") },
    ]);
    bed.host.sh("iptables-legacy -P FORWARD ACCEPT");
    expect(node.of("forward-policy")).toEqual([]);
  });

  it("is nothing for flannel and vxlan-overlay, which see to it", ({ bed }) => {
    const node = routed(bed, { type: "flannel" }, "iptables-nft -P FORWARD DROP");
    expect(node.of("forward-policy")).toEqual([]);
  });

  it("is nothing where nothing is routed", ({ bed }) => {
    const node = routed(bed, { type: "bridge", bridge: "cni9" }, "iptables-nft -P FORWARD DROP");
    expect(node.of("forward-policy")).toEqual([]);
  });
});

describe("iptables-legacy", () => {
  needs("legacy iptables")("is both kinds of iptables in use", ({ bed }) => {
    const node = routed(bed, gateway, "iptables-legacy -S");
    expect(node.of("iptables-legacy")).toEqual([]);
    bed.host.sh("iptables-nft -A FORWARD -j ACCEPT");
    expect(node.of("iptables-legacy")).toMatchObject([{ level: "warning" }]);
  });

  it("is nothing where there is one kind", ({ bed }) => {
    const node = routed(bed, gateway, "iptables-nft -A FORWARD -j ACCEPT");
    expect(node.of("iptables-legacy")).toEqual([]);
  });
});

describe("br-netfilter", () => {
  needs("br_netfilter")(
    "is frames that a policy drops between containers of a bridge",
    ({ bed }) => {
      const node = routed(bed, gateway, "iptables-nft -P FORWARD DROP");
      bed.host.sh("sysctl -qw net.bridge.bridge-nf-call-iptables=1");
      expect(node.of("br-netfilter")).toMatchObject([
        { finding: expect.stringContaining('of "net"') },
      ]);
      bed.host.sh("sysctl -qw net.bridge.bridge-nf-call-iptables=0");
      expect(node.of("br-netfilter")).toEqual([]);
      bed.host.sh(
        "sysctl -qw net.bridge.bridge-nf-call-iptables=1; iptables-nft -P FORWARD ACCEPT",
      );
      expect(node.of("br-netfilter")).toEqual([]);
    },
  );

  needs("br_netfilter")("is an error where policies of a bridge need it", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway, { type: "policy" }] });
    expect(node.of("br-netfilter")).toEqual([]);
    bed.host.sh("mount -t tmpfs none /proc/sys/net/bridge");
    expect(node.of("br-netfilter")).toMatchObject([{ level: "error" }]);
  });

  needs("br_netfilter")("is frames that a node of Kubernetes does not filter", ({ bed }) => {
    const node = routed(bed, gateway, "sysctl -qw net.bridge.bridge-nf-call-iptables=0");
    expect(node.of("br-netfilter")).toEqual([]);
    bed.host.sh("mkdir /var/lib/kubelet");
    expect(node.of("br-netfilter")).toMatchObject([
      { advice: expect.stringMatching(/iptables=1/) },
    ]);
    bed.host.sh("sysctl -qw net.bridge.bridge-nf-call-iptables=1");
    expect(node.of("br-netfilter")).toEqual([]);
    bed.host.sh("mount -t tmpfs none /proc/sys/net/bridge");
    expect(node.of("br-netfilter")).toMatchObject([
      { advice: expect.stringContaining("modprobe br_netfilter && sysctl") },
    ]);
  });
});

describe("loopback-open", () => {
  it("is a link by which containers reach the loopback, without the guard", ({ bed }) => {
    const node = routed(bed, gateway, giveGateway);
    expect(node.of("loopback-open")).toEqual([]);
    bed.host.sh("sysctl -qw net.ipv4.conf.cni9.route_localnet=1");
    expect(node.of("loopback-open")).toMatchObject([
      {
        level: "warning",
        finding: expect.stringMatching(/^Containers on "cni9" reach what listens on 127\.0\.0\.1/),
        advice: expect.stringContaining("sysctl -w net/ipv4/conf/cni9/route_localnet=0"),
      },
    ]);
  });

  it("is nothing with host ports that are guarded", ({ bed }) => {
    const node = routed(bed);
    const config = { cniVersion: "1.0.0", name: "net" };
    const box = bed.container();
    const prevResult = bed.add("bridge", box, { ...config, ...gateway }).result;
    const runtimeConfig = {
      portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }],
    };
    bed.add("portmap", box, { ...config, type: "portmap", prevResult, runtimeConfig });
    expect(bed.host.sysctl("net/ipv4/conf/cni9/route_localnet")).toBe("1");
    expect(node.findings()).toEqual([]);
  });
});

describe("subnets", () => {
  const other = (config: object) => ({
    name: "other",
    plugins: [{ ...gateway, bridge: "cni8", ...config }],
  });
  const within = (rangeStart: string, rangeEnd: string) => ({
    ipam: { ...ipam, rangeStart, rangeEnd },
  });

  it("are shared by networks that hand out the same addresses", ({ bed }) => {
    const node = routed(bed);
    node.list(other({ ipam: { ...ipam, subnet: "10.251.0.0/16" } }), "20-other.conflist");
    expect(node.of("subnet-shared")).toMatchObject([
      {
        level: "error",
        finding: expect.stringMatching(/^Networks "net" \(10\.251\.40\.0\/24\) and "other" /),
      },
    ]);
    node.list(other({ ipam: { ...ipam, subnet: "10.251.41.0/24" } }), "20-other.conflist");
    expect(node.findings()).toEqual([]);
  });

  it("overlap where networks of two bridges have parts of one", ({ bed }) => {
    const node = routed(bed, { ...gateway, ...within("10.251.40.10", "10.251.40.99") });
    const apart = within("10.251.40.100", "10.251.40.200");
    node.list(other(apart), "20-other.conflist");
    expect(node.findings()).toMatchObject([{ id: "subnet-overlap", level: "error" }]);
    node.list(other({ ...apart, bridge: "cni9" }), "20-other.conflist");
    expect(node.findings()).toEqual([]);
  });

  it("are crossed by routes of the host to a part of one", ({ bed }) => {
    const node = routed(bed, gateway, giveGateway);
    expect(node.of("subnet-route")).toEqual([]);
    bed.host.sh(`
      ip route add 10.0.0.0/8 via 198.51.100.2 dev uplink0
      ip route add 10.251.40.128/25 via 198.51.100.2 dev uplink0`);
    expect(node.of("subnet-route")).toMatchObject([
      {
        level: "error",
        finding: expect.stringMatching(/routes 10\.251\.40\.128\/25 by "uplink0"/),
      },
    ]);
  });

  it("are crossed by the network of a link of the host", ({ bed }) => {
    const node = routed(bed, gateway, "ip address add 10.251.0.9/16 dev uplink0");
    expect(node.of("subnet-route")).toMatchObject([
      { level: "warning", finding: expect.stringContaining("10.251.0.0/16") },
    ]);
  });

  it("want another gateway than a bridge has", ({ bed }) => {
    const node = routed(bed, gateway, `${makeBridge} && ip address add 10.251.40.7/24 dev cni9`);
    expect(node.of("bridge-address")).toMatchObject([
      {
        level: "error",
        finding: expect.stringMatching(
          /"cni9" has 10\.251\.40\.7\/24, but .* wants 10\.251\.40\.1\/24/,
        ),
      },
    ]);
    node.list({ plugins: [{ ...gateway, forceAddress: true }] });
    expect(node.of("bridge-address")).toEqual([]);
    node.list({ plugins: [gateway] });
    bed.host.sh("ip address add 10.251.40.1/24 dev cni9");
    expect(node.of("bridge-address")).toEqual([]);
  });
});

describe("the sizes of packets", () => {
  const uplink = `ip route add default via 198.51.100.2 dev uplink0; ip link set uplink0 mtu 1450`;

  it("are more than the uplink's in a list", ({ bed }) => {
    const node = routed(bed, { ...gateway, mtu: 1500 }, uplink);
    expect(node.of("mtu-list")).toMatchObject([{ advice: 'Write "mtu": 1450 into the list' }]);
    node.list({ plugins: [{ ...gateway, mtu: 1450 }] });
    expect(node.of("mtu-list")).toEqual([]);
  });

  it("are more than the uplink's on a bridge", ({ bed }) => {
    const node = routed(bed, gateway, `${uplink}; ${giveGateway}`);
    expect(node.of("mtu-bridge")).toMatchObject([
      { level: "warning", finding: expect.stringMatching(/"cni9" .* 1500, .* "uplink0" has 1450/) },
    ]);
    bed.host.sh("ip link set cni9 mtu 1450");
    expect(node.of("mtu-bridge")).toEqual([]);
  });

  it("are more than an overlay can carry", ({ bed }) => {
    const vxlan = "ip link add vx type vxlan id 5 dstport 4789 dev uplink0";
    const node = routed(bed, gateway, `${vxlan}; ip link set vx mtu 1450`);
    expect(node.of("mtu-overlay")).toEqual([]);
    bed.host.sh("ip link set uplink0 mtu 1450");
    expect(node.of("mtu-overlay")).toMatchObject([
      { level: "error", advice: expect.stringContaining("ip link set vx mtu 1400") },
    ]);
  });
});

describe("the sizes of packets on an overlay", () => {
  it("are more than it carries", ({ bed }) => {
    const node = routed(bed, { type: "flannel", delegate: { bridge: "cni9" } }, makeBridge);
    bed.host.sh(`
      ip link add flannel.1 mtu 1400 type vxlan id 1 dstport 8472 dev uplink0
      ip link add port0 mtu 1450 master cni9 type veth peer name port1`);
    expect(node.of("mtu-bridge")).toMatchObject([
      {
        level: "warning",
        finding: expect.stringMatching(/"cni9" have .* 1450, .* "net" has 1400/),
      },
    ]);
    bed.host.sh("ip link set port0 mtu 1400");
    expect(node.of("mtu-bridge")).toEqual([]);
  });
});

describe("rp-filter", () => {
  it("is strict on a second uplink", ({ bed }) => {
    const node = routed(
      ...([bed, gateway] as const),
      `ip link add second type bridge; ip link set second up; ip address add 203.0.113.1/24 dev second
      ip route add default via 198.51.100.2 dev uplink0
      ip route add default via 203.0.113.2 dev second metric 100
      sysctl -qw net.ipv4.conf.all.rp_filter=1`,
    );
    expect(node.of("rp-filter")).toMatchObject([
      { level: "warning", finding: expect.stringMatching(/by "second" .* by "uplink0"/) },
    ]);
    bed.host.sh("sysctl -qw net.ipv4.conf.second.rp_filter=2");
    expect(node.of("rp-filter")).toEqual([]);
  });
});

describe("tables of the kernel", () => {
  it.for([
    [79, undefined],
    [80, "warning"],
    [99, "error"],
  ] as const)("are full of connections: %i of 100", ([count, level], { bed }) => {
    const node = routed(bed);
    pretend(bed, "net/netfilter/nf_conntrack_max", "igmp_max_memberships", 100);
    pretend(bed, "net/netfilter/nf_conntrack_count", "igmp_max_msf", count);
    const wanted =
      level === undefined ? [] : [{ level, finding: expect.stringContaining(`has ${count}`) }];
    expect(node.of("conntrack-full")).toMatchObject(wanted);
  });

  it("are too small for neighbours", ({ bed }) => {
    const node = routed(bed);
    bed.host.sh(`mount -t tmpfs none /proc/sys/net/ipv4/neigh
      mkdir /proc/sys/net/ipv4/neigh/default; : >/proc/sys/net/ipv4/neigh/default/gc_thresh3`);
    pretend(bed, "net/ipv4/neigh/default/gc_thresh3", "igmp_max_memberships", 10);
    expect(node.of("neighbours-full")).toEqual([]);
    keep(bed, 8);
    expect(node.of("neighbours-full")).toMatchObject([{ level: "warning" }]);
    for (let i = 1; i <= 10; i++) {
      bed.host.sh(
        `ip neighbour add 198.51.100.${i + 1} lladdr 02:00:00:00:00:0${i % 10} dev uplink0`,
      );
    }
    expect(node.of("neighbours-full")).toMatchObject([{ level: "error" }]);
  });

  it("have too few inotify instances", ({ bed }) => {
    const node = routed(bed);
    keep(bed, 5);
    expect(node.of("inotify-few")).toEqual([]);
    pretend(bed, "fs/inotify/max_user_instances", "igmp_max_memberships", 5);
    expect(node.of("inotify-few")).toMatchObject([{ level: "warning" }]);
  });
});
