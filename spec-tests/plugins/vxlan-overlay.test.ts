/** vxlan-overlay: several hosts on one machine, their pods in one flat network. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { Node, type Pod } from "../bed/nodes.ts";

function nodesOf(bed: Bed, count: number): readonly Node[] {
  return Array.from({ length: count }, (_, i) => new Node(bed, i + 1));
}

/** A bridge that is new asks no neighbours before its own link-local address is probed. */
function awaitIpv6(nodes: readonly Node[]): void {
  for (const { view } of nodes) view.until("! ip -6 address show tentative | grep -q inet6");
}

interface WithIps {
  readonly ips: readonly { readonly address: string }[];
}

const addressesOf = ({ result }: Pod): readonly string[] =>
  (result as unknown as WithIps).ips.map(({ address }) => address.split("/")[0] ?? "");

describe("three nodes with two pods each", () => {
  it("reach each other, by ICMP, TCP and UDP, under their own addresses", ({ bed }) => {
    const nodes = nodesOf(bed, 3);
    const pods = nodes.flatMap((node) => {
      const config = node.config(nodes);
      return [node.pod(config, `a${node.number}`), node.pod(config, `b${node.number}`)];
    });
    awaitIpv6(nodes);
    for (const from of pods) {
      for (const to of pods.filter((pod) => pod !== from)) {
        for (const address of addressesOf(to)) expect(from.box.ping(address), address).toBe(true);
      }
    }
    const [first, , , last] = pods;
    if (!first || !last) throw new Error("there are no pods");
    for (const [i, address] of addressesOf(last).entries()) {
      for (const protocol of ["", "--udp"]) {
        last.box.sh("iperf3 --server --daemon --one-off");
        const report = first.box.sh(`iperf3 --client ${address} --bytes 100K ${protocol} --json`);
        expect(report).toContain(addressesOf(first)[i]);
        expect(report).toContain('"bytes":');
      }
    }
    for (const node of nodes) expect(node.view.ping(addressesOf(last)[0] ?? "")).toBe(true);
  });
});

describe("a packet on its way", () => {
  it("is in UDP 8472 with the network's number, and as long as the uplink allows", ({ bed }) => {
    const nodes = nodesOf(bed, 2);
    const [one, two] = nodes.map((node) => node.pod(node.config(nodes, { vni: 77 })));
    if (!one || !two) throw new Error("there are no pods");
    const [address = ""] = addressesOf(two);
    bed.host.sh(
      "tcpdump -i underlay -U -w /tmp/c.pcap --immediate-mode </dev/null >/tmp/err 2>&1 & echo $! >/tmp/pid",
    );
    bed.host.until("grep -q 'listening on' /tmp/err");
    expect(one.box.ping(address)).toBe(true);
    expect(one.box.ping(address, `-M do -s ${1450 - 28}`)).toBe(true);
    expect(one.box.ping(address, `-M do -s ${1451 - 28}`)).toBe(false);
    const read = "tcpdump -r /tmp/c.pcap -n -e -v 'udp port 8472' 2>/dev/null";
    bed.host.until(`${read} | grep -q 'length 1514'`);
    const seen = bed.host.sh(`kill $(cat /tmp/pid); ${read}`);
    expect(seen).toMatch(/192\.0\.2\.1\.\d+ > 192\.0\.2\.2\.8472/);
    expect(seen).toContain("instance 77");
    expect(seen).toContain("length 1514");
    bed.host.sh("rm -f /tmp/c.pcap /tmp/err /tmp/pid");
  });
});

describe("masquerade", () => {
  it("changes the source of what leaves the network, and of nothing within", ({ bed }) => {
    const nodes = nodesOf(bed, 2);
    const [one, two] = nodes.map((node) => node.pod(node.config(nodes)));
    if (!one || !two) throw new Error("there are no pods");
    const outside = bed.container("outside");
    bed.host.sh(`
      ip link add port9 type veth peer name wire netns outside
      ip link set port9 master underlay up`);
    outside.sh("ip address add 192.0.2.9/24 dev wire; ip link set wire up; ip link set lo up");
    expect(one.box.ping("192.0.2.9")).toBe(true);
    const [address = ""] = addressesOf(two);
    two.box.sh("iperf3 --server --daemon --one-off");
    one.box.sh(`iperf3 --client ${address} --bytes 10K`);
    expect(one.box.ping(address)).toBe(true);
  });
});

describe("what a node has for another", () => {
  it("is a route, a neighbour and an fdb entry, and goes when that leaves", ({ bed }) => {
    const nodes = nodesOf(bed, 3);
    const [first] = nodes;
    if (!first) throw new Error("there are no nodes");
    const { peers, ...config } = first.config(nodes);
    first.write("peers.json", { peers });
    first.pod(config, "one");
    expect(first.view.sh("ip route show dev weft.1")).toBe(
      "10.244.2.0/24 via 10.244.2.0 proto 87 onlink \n10.244.3.0/24 via 10.244.3.0 proto 87 onlink \n",
    );
    expect(first.view.sh("bridge fdb show dev weft.1").trim().split("\n")).toHaveLength(2);
    first.write("peers.json", (peers as readonly Config[]).slice(0, 1));
    first.pod(config, "two");
    const state = first.view.sh(`
      ip route show dev weft.1; ip -6 route show dev weft.1 proto 87
      ip neighbour show dev weft.1 nud permanent; bridge fdb show dev weft.1`);
    expect(state).not.toContain("10.244.3");
    expect(state).not.toContain("192.0.2.3");
    expect(state.match(/10\.244\.2\.0|192\.0\.2\.2|fd10:0:0:2::/g)).toHaveLength(7);
  });

  it("follows a change of address and of MAC", ({ bed }) => {
    const [first] = nodesOf(bed, 1);
    if (!first) throw new Error("there is no node");
    const peer = { subnet: ["10.244.2.0/24", "fd10:0:0:2::/64"], publicIP: "192.0.2.2" };
    const config = first.config([]);
    first.write("peers.json", [{ ...peer, vtepMAC: "02:00:00:00:00:01" }]);
    first.pod(config, "one");
    first.write("peers.json", [{ ...peer, publicIP: "192.0.2.22", vtepMAC: "02:00:00:00:00:02" }]);
    first.pod(config, "two");
    expect(first.view.sh("bridge fdb show dev weft.1").trim()).toBe(
      "02:00:00:00:00:02 dst 192.0.2.22 self permanent",
    );
    const neighbours = first.view.sh("ip neighbour show dev weft.1 nud permanent");
    expect(neighbours.match(/02:00:00:00:00:02/g)).toHaveLength(2);
    expect(neighbours).not.toContain("00:01");
  });
});

describe("an unchanged network", () => {
  it("is asked about once: an ADD reads no entries", ({ bed }) => {
    const nodes = nodesOf(bed, 2);
    const [first] = nodes;
    if (!first) throw new Error("there are no nodes");
    const config = first.config(nodes);
    first.pod(config, "one");
    first.view.sh("ip route delete 10.244.2.0/24");
    const { subnet, peers, ...rest } = config;
    first.pod({ peers, args: { any: "thing" }, ...rest, subnet }, "two");
    expect(first.view.sh("ip route show dev weft.1")).toBe("");
    first.pod({ ...config, directRouting: true }, "three");
    expect(first.view.sh("ip route show proto 87")).toBe("10.244.2.0/24 via 192.0.2.2 dev wire \n");
  });
});

describe("directRouting", () => {
  it("sends packets for hosts of the same subnet unwrapped, but IPv6 where they have IPv4 only", ({
    bed,
  }) => {
    const nodes = nodesOf(bed, 2);
    const pods = nodes.map((node) => node.pod(node.config(nodes, { directRouting: true })));
    awaitIpv6(nodes);
    const [one, two] = pods;
    expect(nodes[0]?.view.sh("ip route show proto 87")).toContain(
      "10.244.2.0/24 via 192.0.2.2 dev wire",
    );
    for (const address of two ? addressesOf(two) : []) {
      expect(one?.box.ping(address), address).toBe(true);
    }
  });
});

describe("a node configured by hand", () => {
  it("as flannel leaves it, is a node like any other", ({ bed }) => {
    const [ours, theirs] = nodesOf(bed, 2);
    if (!ours || !theirs) throw new Error("there are no nodes");
    const mac = "0a:00:00:00:00:02";
    const peer = { ...theirs.peer, vtepMAC: mac };
    const pod = ours.pod(ours.config([], { peers: [peer] }));
    const ourMac = String(ours.view.link("weft.1").address);
    theirs.view.sh(`
      ip link add flannel.1 type vxlan id 1 dstport 8472 local 192.0.2.2 dev wire nolearning
      ip link set flannel.1 address ${mac} mtu 1450 up
      ip address add 10.244.2.0/32 dev flannel.1
      ip route add 10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink
      ip neighbour add 10.244.1.0 lladdr ${ourMac} dev flannel.1 nud permanent
      bridge fdb add ${ourMac} dev flannel.1 dst 192.0.2.1 self permanent
      ip link add cni0 type bridge; ip address add 10.244.2.1/24 dev cni0; ip link set cni0 up
      sysctl -q -w net.ipv4.ip_forward=1`);
    expect(pod.box.ping("10.244.2.1")).toBe(true);
    expect(theirs.view.ping(addressesOf(pod)[0] ?? "")).toBe(true);
  });
});

describe("CHECK and STATUS", () => {
  it.for([
    [
      "an fdb entry",
      "bridge fdb del $(bridge fdb show dev weft.1 | head -1 | cut -d' ' -f1) dev weft.1",
      "192.0.2.2",
    ],
    ["a neighbour", "ip neighbour delete 10.244.2.0 dev weft.1", "192.0.2.2"],
    ["a route", "ip route delete 10.244.2.0/24", "192.0.2.2"],
    ["the device", "ip link delete weft.1", "weft.1"],
    ["the device's being up", "ip link set weft.1 down", "weft.1"],
  ] as const)("say that %s is missing, and for whom", ([, damage, named], { bed }) => {
    const nodes = nodesOf(bed, 2);
    const [first] = nodes;
    if (!first) throw new Error("there are no nodes");
    const pod = first.pod(first.config(nodes));
    const config = { ...pod.config, prevResult: pod.result };
    expect(first.run({ command: "CHECK", config, container: pod.box })).toMatchObject({
      exitCode: 0,
      stdout: "",
    });
    expect(first.run({ command: "STATUS", config: pod.config })).toMatchObject({
      exitCode: 0,
      stdout: "",
    });
    first.view.sh(damage);
    const checked = first.run({ command: "CHECK", config, container: pod.box }).error;
    expect(checked.code).toBe(104);
    expect(checked.msg).toContain(named);
    if (!damage.includes("link delete"))
      expect(first.run({ command: "STATUS", config: pod.config }).error.code).toBe(51);
  });

  it.for([
    ["no uplink", { uplink: "nope" }],
    ["no subnet", { subnet: undefined }],
    ["an unknown address", { publicIP: "192.0.2.99" }],
    ["an address of a family that the uplink has none of", { publicIP: "2001:db8::1" }],
    ["an uplink without addresses", { uplink: "lo" }],
  ] as const)("%s is code 50", ([, more], { bed }) => {
    const nodes = nodesOf(bed, 1);
    const run = nodes[0]?.run({ command: "STATUS", config: nodes[0].config([], more) });
    expect(run?.error.code).toBe(50);
  });
});

describe("DEL and GC", () => {
  it("leave the host's device, and nothing of the attachment", ({ bed }) => {
    const nodes = nodesOf(bed, 2);
    const [first] = nodes;
    if (!first) throw new Error("there are no nodes");
    const config = first.config(nodes);
    const kept = first.pod(config, "kept");
    const gone = first.pod(config, "gone");
    first.pod(config, "late");
    for (const _ of ["once", "twice"]) {
      const { box: container } = gone;
      expect(first.run({ command: "DEL", config, container })).toMatchObject({
        exitCode: 0,
        stdout: "",
      });
    }
    const valid = [{ containerID: kept.box.containerID, ifname: "eth0" }];
    const run = first.run({
      command: "GC",
      config: { ...config, "cni.dev/valid-attachments": valid },
    });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(first.view.nft()).not.toContain("gone");
    expect(first.view.nft()).not.toContain("late");
    expect(first.view.nft()).toContain("kept");
    expect(first.view.links().filter((name) => name.startsWith("veth"))).toHaveLength(1);
    const prevResult = kept.result;
    expect(
      first.run({ command: "CHECK", config: { ...config, prevResult }, container: kept.box })
        .exitCode,
    ).toBe(0);
  });
});

describe("somebody else's things", () => {
  it.for([
    ["a link of the device's name", "ip link add weft.1 type bridge", /no vxlan device/],
    [
      "a vxlan device of the device's name",
      "ip link add weft.1 type vxlan id 9 dstport 4789 local 192.0.2.1",
      /somebody else/,
    ],
    [
      "another device with the same number",
      "ip link add other type vxlan id 1 dstport 8472 local 192.0.2.1 dev wire; ip link set other up",
      /VNI 1 on port 8472/,
    ],
  ] as const)("%s is refused, and stays", ([, made, words], { bed }) => {
    const [first] = nodesOf(bed, 1);
    if (!first) throw new Error("there is no node");
    first.view.sh(made);
    const container = bed.container();
    const config = first.config([]);
    const before = bed.snapshot();
    const run = first.run({ command: "ADD", config, container });
    expect(run.error.code).toBe(103);
    expect(run.error.msg).toMatch(words);
    expect(bed.leftovers(before, { ...sharedBy(config), device: "none" })).toEqual([]);
  });
});

describe("the UDP port", () => {
  it("is shared with a vxlan device of another number", ({ bed }) => {
    const nodes = nodesOf(bed, 2);
    const [first] = nodes;
    first?.view.sh(`
      ip link add other type vxlan id 9 dstport 8472 local 192.0.2.1 dev wire
      ip link set other up`);
    const [one, two] = nodes.map((node) => node.pod(node.config(nodes)));
    expect(one?.box.ping(two ? (addressesOf(two)[0] ?? "") : "")).toBe(true);
    expect(first?.view.succeeds("ip link show other up")).toBe(true);
  });

  it("that a program has is said to be taken, and no device is left", ({ bed }) => {
    const [first] = nodesOf(bed, 1);
    if (!first) throw new Error("there is no node");
    const listen = 'require("dgram").createSocket("udp4").bind(8472)';
    const pid = first.view.sh(`
      ${process.execPath} -e '${listen}' </dev/null >/dev/null 2>&1 & echo $!`);
    first.view.until("ss -Huln sport = 8472 | grep -q .");
    const container = bed.container();
    const config = first.config([]);
    const before = bed.snapshot();
    const { error } = first.run({ command: "ADD", config, container });
    expect(error.code).toBe(100);
    expect(error.msg).toContain('Cannot use UDP port 8472 for "weft.1"');
    expect(first.view.links()).not.toContain("weft.1");
    expect(bed.leftovers(before, { ...sharedBy(config), device: "none" })).toEqual([
      expect.stringMatching(/^\+ node1 nft inet weft: /),
    ]);
    first.view.sh(`kill ${pid}`);
    first.view.until("! ss -Huln sport = 8472 | grep -q .");
    expect(first.run({ command: "ADD", config, container })).toSucceed();
  });
});

describe("bad input", () => {
  const ipv6 = "fd10:0:0:9::/64";
  const peer = { subnet: ["10.244.9.0/24", ipv6], publicIP: "192.0.2.9" };
  const other = { subnet: ["10.244.8.0/24", "fd10:0:0:8::/64"], publicIP: "192.0.2.8" };
  const wrong: readonly (readonly [string, Config])[] = [
    ["a VNI beyond 2^24", { vni: 2 ** 24 }],
    ["a subnet outside the network", { subnet: ["10.245.1.0/24", "fd10:0:0:1::/64"] }],
    ["a subnet for one family only", { subnet: ["10.244.1.0/24"] }],
    ["a subnet with host bits", { subnet: ["10.244.1.1/24", "fd10:0:0:1::/64"] }],
    ["an MTU too small for IPv6", { mtu: 1200 }],
    ["an MTU beyond the uplink's", { mtu: 1451 }],
    ["an MTU in words", { mtu: "large" }],
    ["a device with a slash", { device: "a/b" }],
    ["a peer that overlaps this host", { peers: [{ ...peer, subnet: ["10.244.1.128/25", ipv6] }] }],
    ["a peer that is this host", { peers: [{ ...peer, publicIP: "192.0.2.1" }] }],
    ["two peers with one subnet", { peers: [peer, { ...peer, publicIP: "192.0.2.8" }] }],
    [
      "two peers with one address and two MACs",
      { peers: [peer, { ...other, publicIP: peer.publicIP, vtepMAC: "02:00:00:00:00:09" }] },
    ],
    [
      "two peers with one MAC",
      { peers: [peer, other].map((each) => ({ ...each, vtepMAC: "02:00:00:00:00:09" })) },
    ],
    ["a peer outside the network", { peers: [{ ...peer, subnet: ["10.9.0.0/24", ipv6] }] }],
    ["a peer of the other family", { peers: [{ ...peer, publicIP: "2001:db8::9" }] }],
    ["a peer with a group's MAC", { peers: [{ ...peer, vtepMAC: "01:00:5e:00:00:01" }] }],
    ["a peer whose address is nobody's", { peers: [{ ...peer, publicIP: "0.0.0.0" }] }],
    ["a peer whose address is a group's", { peers: [{ ...peer, publicIP: "224.0.0.1" }] }],
    ["a peer whose address is in its own subnet", { peers: [{ ...peer, publicIP: "10.244.9.1" }] }],
    [
      "two peers whose subnets overlap",
      {
        peers: [
          { subnet: ["10.244.8.0/23", "fd10:0:0:8::/64"], publicIP: "192.0.2.8" },
          { subnet: ["10.244.9.0/24", ipv6], publicIP: "192.0.2.9" },
        ],
      },
    ],
    ["a VNI of 0", { vni: 0 }],
    ["a port of 0", { port: 0 }],
    ["a network of one family twice", { network: ["10.244.0.0/16", "10.245.0.0/16"] }],
    ["peers that are no list", { peers: "192.0.2.9" }],
    ["a peer that is a text", { peers: ["192.0.2.9"] }],
  ];
  it.for(wrong)("%s is refused with code 7, and nothing changes", ([, more], { bed }) => {
    const [first] = nodesOf(bed, 1);
    if (!first) throw new Error("there is no node");
    const container = bed.container();
    const before = bed.snapshot();
    const config = first.config([], more);
    expect(first.run({ command: "ADD", config, container }).error.code).toBe(7);
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("an uplink too small for IPv6 is refused, and nothing changes", ({ bed }) => {
    const [first] = nodesOf(bed, 1);
    if (!first) throw new Error("there is no node");
    first.view.sh("ip link set wire mtu 1329");
    const container = bed.container();
    const config = first.config([]);
    const before = bed.snapshot();
    expect(first.run({ command: "ADD", config, container }).error).toMatchObject({ code: 7 });
    expect(bed.leftovers(before)).toEqual([]);
    first.view.sh("ip link set wire mtu 1330");
    expect(first.run({ command: "ADD", config, container })).toSucceed();
  });

  it.for([
    ["no JSON", "[{", 103],
    ["nothing at all", "", 103],
    ["no list", '"peers"', 7],
  ] as const)("a peers file with %s leaves healthy peers alone", ([, text, code], { bed }) => {
    const nodes = nodesOf(bed, 2);
    const [first] = nodes;
    if (!first) throw new Error("there are no nodes");
    const config = first.config(nodes);
    first.pod(config, "one");
    const routes = first.view.sh("ip route show proto 87");
    first.write("peers.json", text);
    const run = first.run({ command: "ADD", config, container: bed.container() });
    expect(run.error.code).toBe(code);
    expect(run.error.msg).toContain("peers.json");
    expect(first.view.sh("ip route show proto 87")).toBe(routes);
  });
});
