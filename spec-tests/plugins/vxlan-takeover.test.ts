/** vxlan-overlay beside flannel: taking over from it, giving back to it, and its dual stack. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import {
  addBridge,
  addPublicIPv6,
  becomeFlannel,
  leaseOf,
  peerOf,
  programFlannel,
} from "../bed/flannel-node.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { Node, Pinging } from "../bed/nodes.ts";

/** Two nodes with flannel that reach each other; the first one is to be ours. */
function flannelNodes(bed: Bed, isDual: boolean): readonly [Node, Node] {
  const nodes = [new Node(bed, 1), new Node(bed, 2)] as const;
  for (const node of nodes) {
    addPublicIPv6(node);
    becomeFlannel(node, isDual);
    addBridge(node);
  }
  programFlannel(nodes[0], leaseOf(nodes[1]), isDual);
  programFlannel(nodes[1], leaseOf(nodes[0]), isDual);
  return nodes;
}

/** The configuration by which the first node takes over, IPv4 alone unless it is dual. */
function takeover(node: Node, peers: readonly Config[], isDual: boolean): Config {
  const single = { network: "10.244.0.0/16", subnet: node.subnets[0] };
  return node.config([], {
    device: "flannel.1",
    peers,
    ...(isDual ? { deviceV6: "flannel-v6.1" } : single),
  });
}

const entries = (node: Node) =>
  node.view.sh(`
    for device in flannel.1 flannel-v6.1; do
      ip link show $device >/dev/null 2>&1 || continue
      ip -br link show $device; ip route show dev $device; ip -6 route show dev $device
      ip neighbour show dev $device nud permanent; bridge fdb show dev $device
    done`);

const indexOf = (node: Node) => node.view.link("flannel.1").ifindex;

describe("a node that ran flannel", () => {
  it("is taken over with its device, MAC and entries, and loses no packet", async ({ bed }) => {
    const [ours, theirs] = flannelNodes(bed, false);
    programFlannel(ours, { ...leaseOf(new Node(bed, 9)), mac: "0a:00:00:00:00:77" }, false);
    const before = [indexOf(ours), ours.view.link("flannel.1").address];
    const ping = new Pinging(bed, theirs.view, "10.244.1.1");
    const config = takeover(ours, [peerOf(leaseOf(theirs), false)], false);
    const fail = "sendto,sendmsg:delay_exit=50000";
    ours.run({ command: "ADD", config, container: bed.container(), fail }).result;
    expect(await ping.end()).toMatchObject({ lost: [] });
    expect([indexOf(ours), ours.view.link("flannel.1").address]).toEqual(before);
    expect(ours.view.link("flannel.1").ifalias).toMatch(
      /^weft-overlay pods mac 0a:00:00:00:00:01 /,
    );
    expect(entries(ours)).toContain("10.244.2.0/24 via 10.244.2.0");
    expect(entries(ours)).not.toMatch(/10\.244\.9\.|192\.0\.2\.9|00:77/);
    expect(ours.run({ command: "STATUS", config })).toSucceed();
  });

  it("keeps its MAC whatever happens to the device", async ({ bed }) => {
    const [ours, theirs] = flannelNodes(bed, false);
    const config = takeover(ours, [peerOf(leaseOf(theirs), false)], false);
    const daemon = ours.daemon(config);
    await daemon.until("the takeover", () =>
      daemon.said.includes('take over vxlan device "flannel.1"'),
    );
    for (const damage of [
      "ip link set flannel.1 address 02:11:22:33:44:55",
      "ip link set flannel.1 down",
    ]) {
      ours.view.sh(damage);
      const isMended = () =>
        ours.view.succeeds("ip link show flannel.1 up | grep -q 0a:00:00:00:00:01") &&
        entries(ours).includes("10.244.2.0/24");
      await daemon.until("the repair", isMended);
    }
    const { text } = ours.call("status /run/weft/pods/net.conf --json");
    expect(JSON.parse(text.split("\n")[0] ?? "")).toMatchObject({ vtepMAC: "0a:00:00:00:00:01" });
    await daemon.kill();
  });

  it("has the MAC that its own record says, when the device is made as well", ({ bed }) => {
    const node = new Node(bed, 1);
    const vtepMAC = "0a:00:00:00:00:42";
    node.write("node.json", { subnet: node.subnets, vtepMAC });
    const config = node.config([], { subnet: undefined, device: "flannel.1" });
    node.pod(config, "one");
    expect(node.view.link("flannel.1").address).toBe(vtepMAC);
    node.write("node.json", { subnet: node.subnets, vtepMAC: "group" });
    const { error } = node.run({ command: "ADD", config, container: bed.container() });
    expect(error).toMatchObject({ code: 7, msg: expect.stringContaining("vtepMAC") });
  });

  it.for([
    ["VNI", "id 2 dstport 8472 local 192.0.2.1 dev wire"],
    ["UDP port", "id 1 dstport 4789 local 192.0.2.1 dev wire"],
    ["local address", "id 1 dstport 8472 local 192.0.2.77 dev wire"],
    ["link", "id 1 dstport 8472 local 192.0.2.1"],
  ])("is left alone if the device has another %s, which is said", ([what, made], { bed }) => {
    const node = new Node(bed, 1);
    node.view.sh(`ip link add flannel.1 type vxlan ${made}; ip link set flannel.1 up`);
    const before = entries(node);
    const config = takeover(node, [], false);
    const { error } = node.run({ command: "ADD", config, container: bed.container() });
    expect(error).toMatchObject({ code: 103, msg: expect.stringContaining(what as string) });
    expect(entries(node)).toBe(before);
  });

  it("goes back to flannel without loss: it finds the device as it would make it", async ({
    bed,
  }) => {
    const [ours, theirs] = flannelNodes(bed, false);
    const config = takeover(ours, [peerOf(leaseOf(theirs), false)], false);
    ours.run({ command: "ADD", config, container: bed.container() }).result;
    const ping = new Pinging(bed, theirs.view, "10.244.1.1");
    const shown = ours.view.sh("ip -d -j link show flannel.1");
    const [{ linkinfo }] = JSON.parse(shown) as [{ linkinfo: { info_data: object } }];
    expect(linkinfo.info_data).toMatchObject({
      id: 1,
      port: 8472,
      local: "192.0.2.1",
      link: "wire",
    });
    programFlannel(ours, leaseOf(theirs), false);
    expect(await ping.end()).toMatchObject({ lost: [] });
    expect(ours.view.sh("ip route show dev flannel.1")).not.toContain("proto 87");
    ours.write("peers.json", []);
    ours.run({ command: "ADD", config: { ...config, peers: [] }, container: bed.container() })
      .result;
    expect(ours.view.sh("ip route show dev flannel.1")).toBe("");
  });
});

describe("deviceV6", () => {
  it("makes a node in flannel's dual stack, in both families and directions", ({ bed }) => {
    const [ours, theirs] = [new Node(bed, 1), new Node(bed, 2)] as const;
    for (const node of [ours, theirs]) addPublicIPv6(node);
    becomeFlannel(theirs, true);
    addBridge(theirs);
    const peers = [peerOf(leaseOf(theirs), true)];
    const pod = ours.pod(takeover(ours, peers, true));
    const macs = ["flannel.1", "flannel-v6.1"].map((name) => String(ours.view.link(name).address));
    const [mac = "", macV6 = ""] = macs;
    programFlannel(theirs, { ...leaseOf(ours), mac, macV6 }, true);
    for (const address of ["10.244.2.1", "fd10:0:0:2::1"]) expect(pod.box.ping(address)).toBe(true);
    for (const address of ["10.244.1.2", "fd10:0:0:1::2"])
      expect(theirs.view.ping(address)).toBe(true);
    expect(ours.view.sh("ip -6 route show fd10:0:0:2::/64")).toContain("dev flannel-v6.1");
    expect(ours.view.sh("bridge fdb show dev flannel-v6.1")).toContain("dst 2001:db8::2");
    expect(ours.view.sh("bridge fdb show dev flannel.1")).not.toContain("2001:db8");
    expect([pod.box.link("eth0").mtu, ours.view.link("flannel.1").mtu]).toEqual([1430, 1450]);
  });

  it("takes both devices over without loss", async ({ bed }) => {
    const [ours, theirs] = flannelNodes(bed, true);
    const pings = ["10.244.1.1", "fd10:0:0:1::1"].map((to) => new Pinging(bed, theirs.view, to));
    const config = takeover(ours, [peerOf(leaseOf(theirs), true)], true);
    const fail = "sendto,sendmsg:delay_exit=20000";
    ours.run({ command: "ADD", config, container: bed.container(), fail }).result;
    for (const ping of pings) expect(await ping.end()).toMatchObject({ lost: [] });
    expect(ours.view.link("flannel-v6.1").address).toBe("0a:00:00:00:06:01");
    expect(ours.run({ command: "STATUS", config })).toSucceed();
  });

  it("follows the file: a peer joins, changes and leaves in both families", async ({ bed }) => {
    const [ours, third] = [new Node(bed, 1), new Node(bed, 3)] as const;
    addPublicIPv6(ours);
    const { peers: _, ...config } = takeover(ours, [], true);
    const daemon = ours.daemon(config);
    await daemon.until("both devices", () => daemon.said.includes('vxlan device "flannel-v6.1"'));
    const before = entries(ours);
    const peer = peerOf(leaseOf(third), true);
    ours.write("peers.json", [peer]);
    await daemon.until("the peer", () => entries(ours).includes("fd10:0:0:3::"));
    ours.write("peers.json", [
      { ...peer, publicIPv6: "2001:db8::33", vtepMACv6: "0a:00:00:00:06:33" },
    ]);
    await daemon.until("the change", () => entries(ours).includes("06:33 dst 2001:db8::33"));
    expect(entries(ours)).not.toMatch(/2001:db8::3 |06:03/);
    const { text } = ours.call("status /run/weft/pods/net.conf");
    expect(text).toContain("device flannel-v6.1, public address 2001:db8::1");
    expect(text).toContain("192.0.2.3 2001:db8::33");
    ours.write("peers.json", []);
    await daemon.until("the end of the peer", () => entries(ours) === before);
    ours.view.sh("ip link delete flannel-v6.1");
    await daemon.until("the second device", () =>
      ours.view.succeeds("ip link show flannel-v6.1 up"),
    );
    expect(daemon.said).not.toContain("problem");
    await daemon.kill();
  });

  it("leaves out a peer that has no second device", ({ bed }) => {
    const node = new Node(bed, 1);
    addPublicIPv6(node);
    const config = takeover(node, [], true);
    const lease = leaseOf(new Node(bed, 3));
    node.write("peers.json", [node.peer, peerOf(lease, true), new Node(bed, 4).peer]);
    node.pod(config);
    const { error } = node.run({ command: "STATUS", config });
    expect(error).toMatchObject({ code: 51, msg: expect.stringContaining("publicIPv6") });
    expect(entries(node)).toContain("fd10:0:0:3::/64");
  });

  it.for([
    ["a network of one family", { network: "10.244.0.0/16", subnet: "10.244.1.0/24" }, 7],
    ["the name of the first device", { deviceV6: "flannel.1" }, 7],
    ["an IPv6 publicIP", { publicIP: "2001:db8::1" }, 7],
    ["an IPv4 publicIPv6", { publicIPv6: "192.0.2.1" }, 7],
    ["an address that the uplink does not have", { publicIPv6: "2001:db8::9" }, 50],
  ] as const)("is refused with %s", ([, more, code], { bed }) => {
    const node = new Node(bed, 1);
    addPublicIPv6(node);
    const config = { ...takeover(node, [], true), ...more };
    const before = bed.snapshot();
    const run = node.run({ command: "STATUS", config });
    expect(run.error.code).toBe(code);
    expect(bed.leftovers(before)).toEqual([]);
  });
});
