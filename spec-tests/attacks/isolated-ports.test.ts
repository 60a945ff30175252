/** Pods beside each other with `ingressPolicy: isolated`: no frame passes, whatever it is. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Container } from "../bed/container.ts";
import * as frames from "../bed/frames.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { attach, dropped, network, passes } from "../bed/networks.ts";
import { ask, serve, world } from "../bed/ports.ts";
import { vanish } from "../bed/vanish.ts";

const isolated = { ingressPolicy: "isolated" };
const broadcast = "ff:ff:ff:ff:ff:ff";

function macOf(box: Container): string {
  return String(box.link("eth0").address);
}

/** The attachment's port of the bridge, as the host names it. */
function portOf({ result }: { readonly result: Config }): string {
  const { interfaces } = result as { interfaces: readonly { name: string; sandbox?: string }[] };
  return interfaces.find(({ name, sandbox }) => !sandbox && name.startsWith("veth"))?.name ?? "";
}

function isIsolated(bed: Bed, port: string): boolean {
  return bed.host.sh(`cat /sys/class/net/${port}/brport/isolated`).trim() === "1";
}

const payload = (text: string) => frames.joined(`frame of ${text}`);
const datagram = (text: string) => frames.udp(9, 9, payload(text));

interface Ends {
  readonly from: string;
  readonly to: string;
}

const ip = (ends: Ends, text: string) =>
  frames.ipv4({ ...ends, protocol: frames.UDP }, datagram(text));

const kinds: Readonly<Record<string, (macs: Ends) => Uint8Array>> = {
  "IPv4 to the pod's address": (macs) =>
    frames.ethernet(
      { ...macs, type: frames.IPV4 },
      ip({ from: "10.1.1.2", to: "10.1.1.3" }, "IPv4 to the pod's address"),
    ),
  "IPv4 in two tags of VLAN 0": (macs) => {
    const packet = ip({ from: "10.1.1.2", to: "10.1.1.3" }, "IPv4 in two tags of VLAN 0");
    const inner = frames.vlanTag(0, frames.IPV4, packet);
    const outer = frames.vlanTag(0, frames.VLAN, inner);
    return frames.ethernet({ ...macs, type: frames.VLAN }, outer);
  },
  "IPv4 to the subnet's broadcast address": ({ from }) =>
    frames.ethernet(
      { from, to: broadcast, type: frames.IPV4 },
      ip({ from: "10.1.1.2", to: "10.1.1.255" }, "IPv4 to the subnet's broadcast address"),
    ),
  "IPv4 to an address that the pod gave itself": (macs) =>
    frames.ethernet(
      { ...macs, type: frames.IPV4 },
      ip({ from: "10.9.9.2", to: "10.9.9.3" }, "IPv4 to an address that the pod gave itself"),
    ),
  "IPv4 to a group": ({ from }) =>
    frames.ethernet(
      { from, to: "01:00:5e:00:00:fb", type: frames.IPV4 },
      ip({ from: "10.1.1.2", to: "224.0.0.251" }, "IPv4 to a group"),
    ),
  "IPv6 between link-local addresses": (macs) =>
    frames.ethernet(
      { ...macs, type: frames.IPV6 },
      frames.icmpv6(
        { from: "fe80::1", to: "fe80::2" },
        128,
        frames.joined([0, 0, 0, 0], payload("IPv6 between link-local addresses")),
      ),
    ),
  "IPv6 to all nodes": ({ from }) =>
    frames.ethernet(
      { from, to: "33:33:00:00:00:01", type: frames.IPV6 },
      frames.icmpv6(
        { from: "fe80::1", to: "ff02::1" },
        134,
        frames.joined([64, 0, 7, 8], [0, 0, 0, 0, 0, 0, 0, 0], payload("IPv6 to all nodes")),
      ),
    ),
  "an ARP request": ({ from }) =>
    frames.ethernet(
      { from, to: broadcast, type: frames.ARP },
      frames.joined([0, 1, 8, 0, 6, 4, 0, 1], frames.bytes(from), payload("an ARP request")),
    ),
  "an ARP answer": (macs) =>
    frames.ethernet(
      { ...macs, type: frames.ARP },
      frames.joined([0, 1, 8, 0, 6, 4, 0, 2], frames.bytes(macs.from), payload("an ARP answer")),
    ),
  "an unknown protocol": (macs) =>
    frames.ethernet({ ...macs, type: 0x88b5 }, payload("an unknown protocol")),
  "no protocol but a length": (macs) =>
    frames.ethernet({ ...macs, type: 40 }, payload("no protocol but a length")),
};

/** Which of the frames arrive, once a broadcast of the bridge itself, sent after them, has come. */
function arriving(bed: Bed, from: Container, to: Container): readonly string[] {
  const eyes = frames.listen(to, "eth0", to.name);
  const macs = { from: macOf(from), to: macOf(to) };
  frames.sendFrames(
    from,
    "eth0",
    Object.values(kinds).map((make) => make(macs)),
  );
  const last = payload("the host, which came last");
  const ends = { from: String(bed.host.link("br1").address), to: broadcast, type: 0x88b6 };
  frames.sendFrames(bed.host, "br1", [frames.ethernet(ends, last)]);
  eyes.until(last);
  return Object.keys(kinds).filter((kind) => eyes.hasSeen(payload(kind)));
}

describe("frames from a pod to the pod beside it", () => {
  it("all pass with the policy open", ({ bed }) => {
    const [first, second] = [attach(bed, network(1)), attach(bed, network(1))];
    expect(arriving(bed, first.box, second.box)).toEqual(Object.keys(kinds));
  });

  it.for(["nftables", "iptables"])(
    "none passes if both are isolated, by %s",
    (backend, { bed }) => {
      const plugins = network(1, { ...isolated, backend });
      const [first, second] = [attach(bed, plugins), attach(bed, plugins)];
      expect(arriving(bed, first.box, second.box)).toEqual([]);
    },
  );

  it("none passes after somebody flushed the rules", ({ bed }) => {
    const plugins = network(1, isolated);
    const [first, second] = [attach(bed, plugins), attach(bed, plugins)];
    bed.host.sh("nft flush ruleset");
    expect(arriving(bed, first.box, second.box)).toEqual([]);
  });

  it("none passes if one is open, only the other way", ({ bed }) => {
    const [one, two] = [network(1, isolated), network(1)];
    const [shut, open] = [attach(bed, one), attach(bed, two)];
    expect(arriving(bed, open.box, shut.box)).toEqual([]);
    const back = arriving(bed, shut.box, open.box);
    expect(back).toEqual(expect.arrayContaining(["IPv4 to the pod's address", "an ARP request"]));
  });

  it("none passes if the bridge is another suite's, which names no port", ({ bed }) => {
    const plugins = network(1, isolated);
    const [plain, firewall] = plugins;
    const boxes = [bed.container("one"), bed.container("two")] as const;
    for (const box of boxes) {
      const result = new Chain(bed, [plain]).add(box) as { interfaces: { name: string }[] };
      const interfaces = [{ name: "br1" }, { name: "eth0", sandbox: box.netns }];
      const ips = [{ address: box.addresses("eth0")[0], interface: 1 }];
      const prevResult = { ...result, interfaces, ips };
      bed.add("firewall", box, { ...firewall, prevResult }).result;
      expect(bed.check("firewall", box, { ...firewall, prevResult })).toSucceed();
    }
    expect(arriving(bed, ...boxes)).toEqual([]);
  });

  it("none passes on a layer-2 network without addresses", ({ bed }) => {
    const [bridge, firewall] = network(1, isolated);
    const plain = { ...bridge, isDefaultGateway: false, ipam: {} };
    const plugins = [plain, firewall];
    const [first, second] = [attach(bed, plugins), attach(bed, plugins)];
    for (const { box } of [first, second]) box.sh("ip link set eth0 up");
    expect(arriving(bed, first.box, second.box)).toEqual([]);
    for (const { box, result } of [first, second]) {
      expect(new Chain(bed, plugins).check(box, result)).toMatchObject([
        { ok: true },
        { ok: true },
      ]);
      for (const run of new Chain(bed, plugins).del(box, result)) expect(run).toSucceed();
    }
    expect(bed.host.nft()).not.toContain("net1 ");
  });
});

/** The pod gives itself another address, to which the host has the way, and knows it. */
function takeAddress(bed: Bed, box: Container, network: number): void {
  box.sh(`
    ip address add 10.1.${network}.77/24 dev eth0
    ip address add fd00:${network}::77/64 dev eth0 nodad`);
  expect([bed.host.ping(`10.1.${network}.77`), bed.host.ping(`fd00:${network}::77`)]).toEqual(
    passes,
  );
}

/** By the gateway, one way: what a pod sends to addresses of another one; IPv4 first. */
function byGateway(
  bed: Bed,
  [from, to]: readonly [Container, Container],
  [source, target]: readonly [readonly [number, number], readonly [number, number]],
): readonly boolean[] {
  const eyes = frames.listen(to, "eth0", `${to.name}-${from.name}-${target.join("-")}`);
  const macs = { from: macOf(from), to: String(bed.host.link(`br${source[0]}`).address) };
  const four = { from: `10.1.${source.join(".")}`, to: `10.1.${target.join(".")}` };
  const six = { from: `fd00:${source.join("::")}`, to: `fd00:${target.join("::")}` };
  const parts = [payload("IPv4 by the gateway"), payload("IPv6 by the gateway")];
  const echo = frames.joined([0, 0, 0, 0], parts[1] ?? "");
  frames.sendFrames(from, "eth0", [
    frames.ethernet({ ...macs, type: frames.IPV4 }, ip(four, "IPv4 by the gateway")),
    frames.ethernet({ ...macs, type: frames.IPV6 }, frames.icmpv6(six, 128, echo)),
  ]);
  expect(from.ping(`10.1.${source[0]}.1`)).toBe(true); // goes by the same queue, behind them
  const last = payload("the host, which came last");
  const bridge = `br${target[0]}`;
  const ends = { from: String(bed.host.link(bridge).address), to: broadcast, type: 0x88b6 };
  frames.sendFrames(bed.host, bridge, [frames.ethernet(ends, last)]);
  eyes.until(last);
  return parts.map((part) => eyes.hasSeen(part));
}

describe("the way by the gateway", () => {
  it.for([
    ["open", {}, passes],
    ["isolated", isolated, dropped],
  ] as const)(
    "to an address that no plugin gave, with the policy %s",
    ([, policy, expected], { bed }) => {
      const plugins = network(1, policy);
      const [first, second] = [attach(bed, plugins).box, attach(bed, plugins).box];
      takeAddress(bed, second, 1);
      expect([bed.host.ping("10.1.1.3"), bed.host.ping("fd00:1::3")]).toEqual(passes);
      for (const target of [77, 3]) {
        expect(
          byGateway(
            bed,
            [first, second],
            [
              [1, 2],
              [1, target],
            ],
          ),
        ).toEqual(expected);
      }
    },
  );

  it("to another bridge's, with a policy of either, is cut for such addresses too", ({ bed }) => {
    const first = attach(bed, network(1, isolated)).box;
    const second = attach(bed, network(2, { ingressPolicy: "same-bridge" })).box;
    const third = attach(bed, network(3)).box;
    takeAddress(bed, first, 1);
    takeAddress(bed, second, 2);
    takeAddress(bed, third, 3);
    expect(
      byGateway(
        bed,
        [first, second],
        [
          [1, 2],
          [2, 77],
        ],
      ),
    ).toEqual(dropped);
    expect(
      byGateway(
        bed,
        [second, first],
        [
          [2, 2],
          [1, 77],
        ],
      ),
    ).toEqual(dropped);
    expect(
      byGateway(
        bed,
        [first, third],
        [
          [1, 2],
          [3, 77],
        ],
      ),
    ).toEqual(passes);
    expect(
      byGateway(
        bed,
        [third, first],
        [
          [3, 2],
          [1, 77],
        ],
      ),
    ).toEqual(passes);
  });
});

describe("an isolated pod", () => {
  it("reaches its gateway, the host and the world, and answers a port of the host", ({ bed }) => {
    const outside = world(bed);
    const [bridge, firewall] = network(1, isolated);
    const { cniVersion, name } = bridge;
    const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }];
    const portmap = { cniVersion, name, type: "portmap", runtimeConfig: { portMappings } };
    const { box } = attach(bed, [bridge, portmap, firewall]);
    attach(bed, [bridge, firewall]);
    box.sh("ip neighbour flush all");
    expect([box.ping("10.1.1.1"), box.ping("fd00:1::1")]).toEqual(passes);
    outside.sh("ip route replace 10.1.1.0/24 via 192.0.2.1");
    expect([box.ping("192.0.2.1"), box.ping("192.0.2.9"), box.ping("fd99::9")]).toEqual([
      ...passes,
      true,
    ]);
    serve(box, "tcp", 80);
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(ask(outside, "fd99::1", 8080)).toBe("fd99::9");
    expect(ask(bed.host, "10.1.1.2", 80)).toBe("10.1.1.1");
    expect(outside.ping("10.1.1.2")).toBe(true);
  });
});

describe.for(["nftables", "iptables"])("the port's flag, with backend %s", (backend) => {
  const plugins = network(1, { ...isolated, backend });

  it("goes with DEL and with GC, and comes again with ADD", ({ bed }) => {
    const attached = attach(bed, plugins);
    const { box, result } = attached;
    const config = { ...plugins[1], prevResult: result };
    const port = portOf(attached);
    expect(isIsolated(bed, port)).toBe(true);
    expect(bed.del("firewall", box, config)).toSucceed();
    expect(isIsolated(bed, port)).toBe(false);
    for (let i = 0; i < 2; i++) bed.add("firewall", box, config).result;
    expect(isIsolated(bed, port)).toBe(true);
    expect(bed.check("firewall", box, config)).toSucceed();
    expect(bed.del("firewall", box, plugins[1])).toSucceed();
    expect(isIsolated(bed, port)).toBe(false);
    bed.add("firewall", box, config).result;
    const nobody = { ...plugins[1], "cni.dev/valid-attachments": [] };
    expect(bed.gc("firewall", nobody)).toSucceed();
    expect(isIsolated(bed, port)).toBe(false);
  });

  it("stays if the bridge plugin had set it", ({ bed }) => {
    const [bridge, firewall] = plugins;
    const attached = attach(bed, [{ ...bridge, portIsolation: true }, firewall]);
    const config = { ...firewall, prevResult: attached.result };
    const port = portOf(attached);
    bed.add("firewall", attached.box, config).result;
    expect(bed.del("firewall", attached.box, config)).toSucceed();
    expect(isIsolated(bed, port)).toBe(true);
  });

  it("is taken back if ADD fails, and CHECK tells that it is off", ({ bed }) => {
    const attached = attach(bed, [plugins[0]]);
    const { box, result } = attached;
    const config = { ...plugins[1], prevResult: result, firewalldZone: "pods" };
    const port = portOf(attached);
    expect(bed.add("firewall", box, config)).toMatchObject({ ok: false });
    expect(isIsolated(bed, port)).toBe(false);
    const { firewalldZone: _, ...plain } = config;
    bed.add("firewall", box, plain).result;
    bed.host.sh(`bridge link set dev ${port} isolated off`);
    expect(bed.check("firewall", box, plain).error).toMatchObject({
      code: 104,
      msg: expect.stringContaining(`port "${port}" of bridge "br1" is not isolated`),
    });
  });
});

needs("br_netfilter")("a kernel without nf_tables isolates ports by the flag", ({ bed }) => {
  bed.host.sh(
    "for i in iptables ip6tables; do echo 1 >/proc/sys/net/bridge/bridge-nf-call-$i; done",
  );
  const [bridge, firewall] = network(1, { ...isolated, backend: "iptables" });
  const inject = "inject=socket:error=EPROTONOSUPPORT:when=2+"; // not what it runs, unlike `fail`
  const options = { as: ["strace", "-qq", "-o", "/dev/null", "-e", inject] };
  const attached = [attach(bed, [bridge]), attach(bed, [bridge])] as const;
  for (const { box, result } of attached) {
    const config = { ...firewall, prevResult: result };
    bed.add("firewall", box, config, options).result;
    bed.add("firewall", box, config, options).result;
    expect(bed.check("firewall", box, config, options)).toSucceed();
  }
  expect(bed.host.nft()).not.toContain("isolated-ports");
  expect(arriving(bed, attached[0].box, attached[1].box)).toEqual([]);
  const [{ box, result }] = attached;
  const port = portOf(attached[0]);
  bed.host.sh(`bridge link set dev ${port} isolated off`);
  const config = { ...firewall, prevResult: result };
  expect(bed.check("firewall", box, config, options).error.msg).toContain("is not isolated");
  bed.add("firewall", box, config, options).result;
  expect(bed.del("firewall", box, firewall)).toSucceed();
  expect(isIsolated(bed, port)).toBe(false);
});

describe("what an earlier version made", () => {
  const addresses = "10.1.1.2";
  const elementOf = (box: Container) => `
    nft add table bridge weft
    nft add chain bridge weft isolated '{ drop; }'
    nft add map bridge weft isolated4 '{ type ipv4_addr : verdict; }'
    nft add element bridge weft isolated4 '{ ${addresses} comment "net1 ${box.containerID} eth0" : goto isolated }'`;

  it("by address goes with DEL, and with GC", ({ bed }) => {
    const plugins = network(1, isolated);
    const [first, second] = [bed.container("one"), bed.container("two")];
    bed.host.sh(elementOf(first));
    const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.1.1.2/24" }] };
    expect(bed.del("firewall", first, { ...plugins[1], prevResult })).toSucceed();
    expect(bed.host.nft()).not.toContain(addresses);
    bed.host.sh(elementOf(second));
    expect(bed.del("firewall", second, plugins[1])).toSucceed();
    expect(bed.host.nft()).not.toContain(addresses);
    bed.host.sh(elementOf(second));
    vanish(bed, second);
    expect(bed.gc("firewall", { ...plugins[1], "cni.dev/valid-attachments": [] })).toSucceed();
    expect(bed.host.nft()).not.toContain(addresses);
  });
});

it("an attachment of which no port is known is isolated by its addresses", ({ bed }) => {
  const [, firewall] = network(1, isolated);
  const box = bed.container();
  bed.host.sh("ip link add br1 type bridge");
  const ips = [{ address: "10.1.1.9/24" }];
  const prevResult = { cniVersion: "1.1.0", interfaces: [{ name: "br1" }], ips };
  bed.add("firewall", box, { ...firewall, prevResult }).result;
  expect(bed.host.nft()).toMatch(/map isolated4 \{[^}]*10\.1\.1\.9 /);
  expect(bed.check("firewall", box, { ...firewall, prevResult })).toSucceed();
});
