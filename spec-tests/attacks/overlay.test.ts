/** Datagrams for an overlay's device that are sent by somebody who is no other host of it. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import {
  ethernet,
  IPV4,
  IPV6,
  ipv4,
  ipv6,
  ipv6Bytes,
  joined,
  listen,
  sendFrames,
  UDP,
  udp,
  word,
} from "../bed/frames.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { withoutNfTables } from "../bed/no-nf-tables.ts";
import { Node } from "../bed/nodes.ts";
import type { View } from "../bed/view.ts";

const deleteGuard = "nft delete chain inet weft overlay-weft.1";

/** What a VXLAN datagram carries: its header with the number, and the frame inside. */
function vxlan(vni: number, frame: Uint8Array): Uint8Array {
  return joined([8, 0, 0, 0, vni >> 16, vni >> 8, vni & 255, 0], frame);
}

/** A text that is in no other frame. */
function mark(text: string): Uint8Array {
  return joined(text);
}

interface Sent {
  /** Where the inner packet goes. */
  readonly to?: string;
  readonly vni?: number;
}

/** What reaches node 1 inside: a packet that claims to come from a pod of node 2. */
function inner(device: string, text: string, to = "10.244.1.2"): Uint8Array {
  const packet = ipv4({ from: "10.244.2.9", to, protocol: UDP }, udp(7, 7777, mark(text)));
  return ethernet({ to: device, from: "02:00:00:00:00:99", type: IPV4 }, packet);
}

const macOf = (view: View, link: string) => String(view.link(link).address);

/** Sends a datagram by a socket of its own: what any program of a user may do. */
function sendDatagram(view: View, payload: Uint8Array, to: string, user = 0): void {
  const program = `
import os, socket
os.setgroups([])
os.setgid(${user})
os.setuid(${user})
s = socket.socket(socket.AF_INET6 if ":" in "${to}" else socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(bytes.fromhex("${Buffer.from(payload).toString("hex")}"), ("${to}", 8472))
`;
  view.sh(`python3 -c '${program}'`);
}

/** Node 1 with a pod, its peer node 2, and a stranger at 192.0.2.66 beside them. */
function network(bed: Bed, more: Config = {}) {
  const nodes = [new Node(bed, 1), new Node(bed, 2)] as const;
  const configs = nodes.map((node) => node.config(nodes, more));
  const [pod] = nodes.map((node, i) => node.pod(configs[i] ?? {}));
  if (!pod) throw new Error("there is no pod");
  const stranger = bed.container("stranger");
  bed.host.sh(`
    ip link add port66 type veth peer name wire netns stranger
    ip link set port66 master underlay up
    ip -n stranger address add 192.0.2.66/24 dev wire
    ip -n stranger link set lo up
    ip -n stranger link set wire up`);
  bed.host.until("bridge link show dev port66 | grep -q forwarding");
  const [victim, peer] = nodes;
  const { box: neighbour } = victim.pod(configs[0] ?? {}, "neighbour");
  return { victim, peer, pod, neighbour, stranger, again: bed.container("again") };
}

type Network = ReturnType<typeof network>;

/** Sends to the device of node 1, from anywhere. */
function attack({ victim }: Network, from: View, text: string, { to, vni = 1 }: Sent = {}): void {
  const frame = inner(macOf(victim.view, "weft.1"), text, to);
  sendDatagram(from, vxlan(vni, frame), victim.publicIP);
}

/** Where a datagram may come from that is none of a peer's. */
const attackers: readonly (readonly [who: string, send: (net: Network, text: string) => void])[] = [
  ["a stranger on the underlay", (net, text) => attack(net, net.stranger, text)],
  ["a pod of the host", (net, text) => attack(net, net.neighbour, text)],
  [
    "an unprivileged user of the host",
    (net, text) => {
      const frame = inner(macOf(net.victim.view, "weft.1"), text);
      sendDatagram(net.victim.view, vxlan(1, frame), net.victim.publicIP, 65534);
    },
  ],
  [
    "a pod that uses a peer's address as its source",
    (net, text) => {
      const { neighbour, victim, peer } = net;
      const payload = vxlan(1, inner(macOf(victim.view, "weft.1"), text));
      const ends = { from: peer.publicIP, to: victim.publicIP, protocol: UDP };
      const to = macOf(victim.view, "cni0");
      const from = macOf(neighbour, "eth0");
      victim.view.sh("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.cni0.rp_filter=0");
      sendFrames(neighbour, "eth0", [
        ethernet({ to, from, type: IPV4 }, ipv4(ends, udp(9, 8472, payload))),
      ]);
    },
  ],
];

describe("one datagram with a frame for the device reaches no pod", () => {
  it.for(attackers)("from %s", ([, send], { bed }) => {
    const net = network(bed);
    const eyes = listen(net.pod.box, "eth0");
    send(net, "attack-with-guard");
    attack(net, net.peer.view, "from-a-peer");
    eyes.until(mark("from-a-peer"));
    expect(eyes.hasSeen(mark("attack-with-guard"))).toBe(false);

    net.victim.view.sh(deleteGuard);
    send(net, "attack-without");
    eyes.until(mark("attack-without"));
  });
});

it("one datagram with a frame for the device reaches no socket of the host", ({ bed }) => {
  const net = network(bed);
  const eyes = listen(net.victim.view, "weft.1");
  const to = "10.244.1.0";
  attack(net, net.stranger, "attack-with-guard", { to });
  attack(net, net.peer.view, "from-a-peer", { to });
  eyes.until(mark("from-a-peer"));
  expect(eyes.hasSeen(mark("attack-with-guard"))).toBe(false);
  net.victim.view.sh(deleteGuard);
  attack(net, net.stranger, "attack-without", { to });
  eyes.until(mark("attack-without"));
});

it("another overlay with the same port is left alone", ({ bed }) => {
  const net = network(bed);
  othersPass(net);
});

/** Datagrams of another number reach the device that has it, whoever sends them. */
function othersPass(net: Network): void {
  const { victim } = net;
  victim.view.sh(`
    ip link add other type vxlan id 77 dstport 8472 local ${victim.publicIP} dev wire nolearning
    ip link set other up`);
  const eyes = listen(victim.view, "other");
  const senders = { stranger: net.stranger, pod: net.neighbour, host: net.victim.view };
  for (const [who, view] of Object.entries(senders)) {
    const frame = inner(macOf(net.victim.view, "other"), `another-number-from-${who}`);
    sendDatagram(view, vxlan(77, frame), net.victim.publicIP);
    eyes.until(mark(`another-number-from-${who}`));
  }
}

/** IPv6 between the hosts: 2001:db8::<number>. */
function ipv6Network(bed: Bed): Network {
  const nodes = [new Node(bed, 1), new Node(bed, 2)] as const;
  const addressOf = ({ number }: Node) => `2001:db8::${number}`;
  for (const node of nodes) {
    node.view.sh(`ip address add ${addressOf(node)}/64 dev wire nodad`);
  }
  const stranger = bed.container("stranger");
  bed.host.sh(`
    ip link add port66 type veth peer name wire netns stranger
    ip link set port66 master underlay up
    ip -n stranger address add 2001:db8::66/64 dev wire nodad
    ip -n stranger link set wire up`);
  bed.host.until("bridge link show dev port66 | grep -q forwarding");
  const [pod] = nodes.map((node) => {
    const peers = nodes
      .filter((each) => each !== node)
      .map((each) => ({ subnet: each.subnets, publicIP: addressOf(each) }));
    const config = node.config([], { publicIP: addressOf(node), peers, ipMasq: false });
    return node.pod(config);
  });
  if (!pod) throw new Error("there is no pod");
  return { victim: nodes[0], peer: nodes[1], pod, neighbour: pod.box, stranger, again: pod.box };
}

let datagrams = 0;

/** The fragments of a datagram: the first has so many bytes. */
function fragments(of: Uint8Array, first: number, ends: { from: string; to: string }) {
  const number = word(++datagrams);
  const header = (offset: number, more: number) =>
    joined([UDP, 0], word(offset | more), [0, 0], number);
  const FRAGMENT = 44;
  return [
    ipv6({ ...ends, protocol: FRAGMENT }, joined(header(0, 1), of.slice(0, first))),
    ipv6({ ...ends, protocol: FRAGMENT }, joined(header(first, 0), of.slice(first))),
  ];
}

/** A datagram in IPv6, whole or in fragments, as frames from one machine on the underlay. */
function ipv6Frames(net: Network, from: { view: View; address: string }, text: string, cut = 0) {
  const { victim } = net;
  const ends = { from: from.address, to: "2001:db8::1" };
  const payload = vxlan(1, inner(macOf(victim.view, "weft.1"), text));
  const datagram = udp6(ends, payload);
  const packets =
    cut > 0 ? fragments(datagram, cut, ends) : [ipv6({ ...ends, protocol: UDP }, datagram)];
  const head = { to: macOf(victim.view, "wire"), from: macOf(from.view, "wire"), type: IPV6 };
  return packets.map((packet) => ethernet(head, packet));
}

/** With its checksum, which IPv6 wants. */
function udp6({ from, to }: { from: string; to: string }, payload: Uint8Array): Uint8Array {
  const whole = udp(9, 8472, payload);
  const pseudo = joined(ipv6Bytes(from), ipv6Bytes(to), [0, 0], word(whole.length));
  const all = joined(pseudo, [0, 0, 0, UDP], whole, whole.length % 2 ? [0] : []);
  let sum = 0;
  for (let i = 0; i < all.length; i += 2) sum += ((all[i] ?? 0) << 8) | (all[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return joined(whole.slice(0, 6), word(~sum & 0xffff), whole.slice(8));
}

describe("over IPv6 no stranger reaches a pod", () => {
  it.for([
    ["with a whole datagram", 0],
    ["with fragments that are cut before the number", 8],
    ["with fragments that are cut behind the number", 24],
  ] as const)("%s", ([, cut], { bed }) => {
    const net = ipv6Network(bed);
    const eyes = listen(net.pod.box, "eth0");
    const stranger = { view: net.stranger, address: "2001:db8::66" };
    const peer = { view: net.peer.view, address: "2001:db8::2" };
    sendFrames(stranger.view, "wire", ipv6Frames(net, stranger, "attack-with-guard", cut));
    sendFrames(peer.view, "wire", ipv6Frames(net, peer, "from-a-peer", cut));
    eyes.until(mark("from-a-peer"));
    expect(eyes.hasSeen(mark("attack-with-guard"))).toBe(false);

    net.victim.view.sh(deleteGuard);
    sendFrames(stranger.view, "wire", ipv6Frames(net, stranger, "attack-without", cut));
    eyes.until(mark("attack-without"));
  });
});

describe("where there is no nf_tables", () => {
  const guardOf = (view: View, save = "iptables-legacy-save") =>
    view
      .sh(`${save} -t filter`)
      .split("\n")
      .filter((line) => line.includes("OVERLAY-"));

  /** As `network`, but what was made by nf_tables is made anew by iptables. */
  function legacyNetwork(bed: Bed) {
    const net = network(bed, { ipMasq: false });
    const { victim, peer } = net;
    const options = withoutNfTables(bed);
    victim.view.sh("nft flush ruleset; ip link del weft.1");
    const run = (command: string, more: Config = {}) => {
      const config = victim.config([victim, peer], { ipMasq: false, ...more });
      return victim.run({ command, config, container: net.again, ...options });
    };
    expect(run("ADD")).toSucceed();
    expect(victim.view.nft()).toBe("");
    return { ...net, run };
  }

  it("iptables keep strangers out, and leave other overlays alone", ({ bed }) => {
    const net = legacyNetwork(bed);
    const { victim } = net;
    expect(guardOf(victim.view)).toEqual([
      ":OVERLAY-weft.1 - [0:0]",
      '-A INPUT -p udp -m udp --dport 8472 -m u32 --u32 "0x0>>0x16&0x3c@0xc>>0x8=0x1" -j OVERLAY-weft.1',
      "-A OVERLAY-weft.1 ! -i wire -j DROP",
      "-A OVERLAY-weft.1 -s 192.0.2.2/32 -j RETURN",
      "-A OVERLAY-weft.1 -j DROP",
    ]);
    const eyes = listen(net.pod.box, "eth0");
    for (const [, send] of attackers) send(net, "attack-with-guard");
    attack(net, net.peer.view, "from-a-peer");
    eyes.until(mark("from-a-peer"));
    expect(eyes.hasSeen(mark("attack-with-guard"))).toBe(false);
    othersPass(net);

    expect(net.run("STATUS")).toSucceed();
    victim.view.sh("iptables-legacy -F INPUT");
    expect(net.run("STATUS").error).toMatchObject({
      code: 51,
      msg: expect.stringContaining('anybody may send to "weft.1"'),
    });
    attack(net, net.stranger, "attack-without");
    eyes.until(mark("attack-without"));
  });

  it("iptables follow the configuration, and go with the device", ({ bed }) => {
    const { victim, peer, run } = legacyNetwork(bed);
    const config = victim.config([victim, peer], { ipMasq: false, port: 4789, vni: 5 });
    expect(run("DEL")).toSucceed();
    expect(run("ADD", { port: 4789, device: "weft.1", vni: 5 })).toSucceed();
    const found = guardOf(victim.view);
    expect(found.filter((line) => line.includes("INPUT"))).toEqual([
      '-A INPUT -p udp -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc>>0x8=0x5" -j OVERLAY-weft.1',
    ]);
    victim.write("net.conf", { ...config, device: "weft.1" });
    expect(victim.call("remove /run/weft/pods/net.conf")).toMatchObject({ ok: true });
  });
});
