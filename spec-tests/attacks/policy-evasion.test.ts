/** Ways around a policy: other addresses, tags, other protocols, connections from before. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Container } from "../bed/container.ts";
import * as frames from "../bed/frames.ts";
import type { Config } from "../bed/invocation.ts";
import { needs } from "../bed/kernel.ts";
import { attach, dropped, network, passes, reaches } from "../bed/networks.ts";
import { backgroundInBed } from "../bed/paths.ts";
import { waitUntil } from "../bed/patience.ts";
import { ask, serve } from "../bed/ports.ts";

/** Among containers of one bridge. */
const it = needs("br_netfilter or nf_conntrack_bridge");

function guarded(number: number, lists: Config): readonly [Config, Config] {
  const [bridge] = network(number);
  const { cniVersion, name } = bridge;
  return [bridge, { cniVersion, name, type: "policy", ...lists }];
}

const closed = { ingress: { allow: [] } };
const silent = { egress: { allow: [] } };

function macOf(box: Container): string {
  return String(box.link("eth0").address);
}

interface Ends {
  readonly from: string;
  readonly to: string;
}

/** IPv4 with a datagram, in a frame whose payload tells which one it is. */
function ipv4(macs: Ends, ends: Ends, text: string): Uint8Array {
  return frames.ethernet(
    { ...macs, type: frames.IPV4 },
    frames.ipv4({ ...ends, protocol: frames.UDP }, frames.udp(9, 9, frames.joined(text))),
  );
}

function tagged(macs: Ends, ends: Ends, text: string): Uint8Array {
  const packet = frames.ipv4(
    { ...ends, protocol: frames.UDP },
    frames.udp(9, 9, frames.joined(text)),
  );
  return frames.ethernet({ ...macs, type: frames.VLAN }, frames.vlanTag(0, frames.IPV4, packet));
}

function echo(macs: Ends, ends: Ends, text: string): Uint8Array {
  return frames.ethernet(
    { ...macs, type: frames.IPV6 },
    frames.icmpv6(ends, 128, frames.joined([0, 0, 0, 0], text)),
  );
}

/** Frames by which one pod tries to tell another something: texts to frames. */
function attempts(macs: Ends, from4: string): Readonly<Record<string, Uint8Array>> {
  const to = "10.1.1.2";
  const make = {
    "IPv4 to its address": (text: string) => ipv4(macs, { from: from4, to }, text),
    "IPv4 from an address of the host": (text: string) =>
      ipv4(macs, { from: "10.1.1.1", to }, text),
    "IPv4 from its own address": (text: string) => ipv4(macs, { from: to, to }, text),
    "IPv4 to another address": (text: string) => ipv4(macs, { from: from4, to: "10.9.9.9" }, text),
    "IPv4 with a tag of VLAN 0": (text: string) => tagged(macs, { from: from4, to }, text),
    "IPv6 to its address": (text: string) =>
      echo(macs, { from: "fd00:1::3", to: "fd00:1::2" }, text),
    "IPv6 of the link alone": (text: string) =>
      echo(macs, { from: "fe80::3", to: "fe80::2" }, text),
    "IPv6 from the link to its address": (text: string) =>
      echo(macs, { from: "fe80::3", to: "fd00:1::2" }, text),
    "IPv6 to all nodes": (text: string) =>
      echo({ ...macs, to: "33:33:00:00:00:01" }, { from: "fe80::3", to: "ff02::1" }, text),
    "an unknown protocol": (text: string) =>
      frames.ethernet({ ...macs, type: 0x88b5 }, frames.joined(text)),
  };
  return Object.fromEntries(Object.entries(make).map(([text, frame]) => [text, frame(text)]));
}

/** Which of them arrive, once an ARP request, which passes, has come behind them. */
function arriving(from: Container, to: Container): readonly string[] {
  const eyes = frames.listen(to, "eth0", to.name);
  const macs = { from: macOf(from), to: macOf(to) };
  const tried = attempts(macs, "10.1.1.3");
  const last = frames.joined("the ARP request that came last");
  const request = frames.joined([0, 1, 8, 0, 6, 4, 0, 1], frames.bytes(macs.from), last);
  const arp = frames.ethernet({ ...macs, to: "ff:ff:ff:ff:ff:ff", type: frames.ARP }, request);
  frames.sendFrames(from, "eth0", [...Object.values(tried), arp]);
  eyes.until(last);
  return Object.keys(tried).filter((text) => eyes.hasSeen(frames.joined(text)));
}

/** The first has the policy `to`, the second `from`; both are on one bridge. */
function pair(bed: Bed, { from, to }: { readonly from?: Config; readonly to?: Config }) {
  const attached = (lists: Config | undefined) =>
    attach(bed, lists ? guarded(1, lists) : [network(1)[0]]).box;
  const receiver = attached(to);
  return { receiver, sender: attached(from) };
}

describe("on a bridge", () => {
  it("all frames of the test arrive where nobody has a policy", ({ bed }) => {
    const { sender, receiver } = pair(bed, {});
    expect(arriving(sender, receiver)).toHaveLength(10);
  });

  it("nothing reaches a container that nobody may reach, whatever it pretends to be", ({ bed }) => {
    const { sender, receiver } = pair(bed, { to: closed });
    expect(arriving(sender, receiver)).toEqual([]);
  });

  it("a container that may reach nobody does not, whatever it pretends to be", ({ bed }) => {
    const { sender, receiver } = pair(bed, { from: silent });
    expect(arriving(sender, receiver)).toEqual([]);
  });

  it("a container with any policy cannot send as somebody else", ({ bed }) => {
    const { sender, receiver } = pair(bed, {
      from: { egress: { deny: [{ to: ["10.9.0.0/16"] }] } },
    });
    expect(arriving(sender, receiver)).toEqual(["IPv4 to its address", "IPv6 to its address"]);
  });
});

it("an address that a container gives itself does not lead out by way of the gateway", ({
  bed,
}) => {
  const { sender } = pair(bed, { from: silent });
  const far = attach(bed, [network(2)[0]]).box;
  sender.sh(
    "ip address add 10.1.1.200/24 dev eth0; ip -6 address add fd00:1::200/64 dev eth0 nodad",
  );
  sender.sh("ip route add 10.1.2.0/24 via 10.1.1.1 src 10.1.1.200");
  sender.sh("ip -6 route add fd00:2::/64 via fd00:1::1 src fd00:1::200");
  expect(reaches(sender, 2, 2)).toEqual(dropped);
  expect(reaches(far, 1, 2)).toEqual(passes);
});

it("connections of whoever had the address before are cut if the policy forbids them", ({
  bed,
}) => {
  const plugins = guarded(1, { ingress: { allow: [{ from: ["10.1.2.3", "fd00:2::3"] }] } });
  const [bridge] = plugins;
  const [forbidden, allowed] = [attach(bed, [network(2)[0]]).box, attach(bed, [network(2)[0]]).box];
  const { box, result } = attach(bed, [bridge]);
  serve(box, "udp", 9000);
  bed.host.sh(
    "nft add table inet t; nft 'add chain inet t f { type filter hook forward priority 0; }'",
  );
  bed.host.sh("nft add rule inet t f ct state new accept");
  for (const client of [forbidden, allowed]) {
    expect(reaches(client, 1, 2)).toEqual(passes);
    for (const to of ["10.1.1.2", "fd00:1::2"]) expect(ask(client, to, 9000, "udp")).not.toBe("");
  }
  const flows = () =>
    bed.host
      .sh("cat /proc/net/nf_conntrack")
      .split("\n")
      .filter((line) => line.includes("dport=9000"));
  expect(flows()).toHaveLength(4);
  const { cniVersion, name } = bridge;
  const policy = { cniVersion, name, type: "policy", ...plugins[1], prevResult: result };
  expect(bed.add("policy", box, policy)).toSucceed();
  const left = flows();
  expect(left).toHaveLength(2);
  for (const line of left)
    expect(line).toMatch(/src=(10\.1\.2\.3|fd00:0002:0000:0000:0000:0000:0000:0003) dst/);
});

/** A server that sends numbers, one after the other, to whoever connects, and notes each before it sends it. */
function pushing(bed: Bed, server: Container, client: Container, to: string) {
  const folder = bed.folder("pushed");
  const run = (box: Container, name: string, body: string) => {
    const program = `
import os, signal, socket, time
signal.alarm(3600)
def note(n):
  with open("${folder}/${name}.new", "w") as f: f.write("%d" % n)
  os.replace("${folder}/${name}.new", "${folder}/${name}")
${body}`;
    box.sh(`python3 -c '${program}' </dev/null >/dev/null 2>&1 & echo $! >>${backgroundInBed}`);
  };
  const send = `
l = socket.create_server(("::", 7007), family=socket.AF_INET6, dualstack_ipv6=True)
c, _ = l.accept()
n = 0
while True:
  n += 1
  note(n)
  c.sendall(b"%9d" % n)
  time.sleep(0.01)`;
  const receive = `
while True:
  try: s = socket.create_connection(("${to}", 7007)); break
  except OSError: time.sleep(0.01)
while True: note(int(s.recv(9, socket.MSG_WAITALL)))`;
  run(server, `sent-${client.name}`, send);
  run(client, `came-${client.name}`, receive);
  const read = (name: string) =>
    Number(bed.host.sh(`cat ${folder}/${name}-${client.name} 2>/dev/null || true`)) || 0;
  return { sent: () => read("sent"), came: () => read("came") };
}

it.for([
  ["10.1.1.2", 1],
  ["fd00:1::2", 1],
  ["10.1.1.2", 2],
] as const)(
  "a connection that is cut does not begin again by what its server sends: %j",
  ([to, network_], { bed }) => {
    const plugins = guarded(1, closed);
    const { box, result } = attach(bed, [plugins[0]]);
    // Packets are tracked from the first policy on.
    attach(bed, plugins);
    const client = attach(bed, [network(network_)[0]]).box;
    const { sent, came } = pushing(bed, box, client, to);
    waitUntil("numbers", () => came() > 20);
    expect(bed.add("policy", box, { ...plugins[1], prevResult: result })).toSucceed();
    const before = sent();
    const drops = () => [...bed.host.nft().matchAll(/counter packets (\d+) bytes \d+ drop/g)];
    const dropped = () => drops().reduce((sum, [, count]) => sum + Number(count), 0);
    waitUntil("its fate", () => came() > before + 20 || dropped() > 3);
    expect(came()).toBeLessThanOrEqual(before);
  },
);

it("a policy is refused where packets of the container do not pass the host", ({ bed }) => {
  const box = bed.container();
  const prevResult: Config = {
    cniVersion: "1.1.0",
    interfaces: [{ name: "eth0", sandbox: `/run/netns/${box.name}` }],
    ips: [{ address: "10.1.1.2/24", interface: 0 }],
  };
  const before = bed.snapshot();
  const config = { ...guarded(1, closed)[1], prevResult };
  const { error } = bed.add("policy", box, config);
  expect(error).toMatchObject({ code: 7, msg: expect.stringContaining("no port of a bridge") });
  expect(bed.leftovers(before)).toEqual([]);
});

it("DEL of somebody else does not open what one has closed", ({ bed }) => {
  const plugins = guarded(1, closed);
  const [first, second] = [attach(bed, plugins), attach(bed, plugins)];
  new Chain(bed, plugins).del(second.box, first.result);
  expect(reaches(attach(bed, [network(2)[0]]).box, 1, 2)).toEqual(dropped);
});
