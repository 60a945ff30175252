/** P7: what an ADD does, and what it never does. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge, bridgeWith, hostLocal, masqueraded } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { reservations } from "../bed/store.ts";

describe("P7 ADD", () => {
  it("P7.01 makes the interface in the container", ({ bed }) => {
    const box = bed.container();
    bed.add("bridge", box, bridge("10.1.2.0/24")).result;
    expect(box.link("eth0")).toMatchObject({ linkinfo: { info_kind: "veth" } });
    expect(box.link("eth0").flags).toContain("UP");
    expect(box.addresses("eth0")).toEqual(["10.1.2.2/24"]);
    expect(box.ping("10.1.2.1")).toBe(true);
  });

  it("P7.01 P9.06 loopback brings lo up", ({ bed }) => {
    const box = bed.container();
    expect(box.ping("127.0.0.1")).toBe(false);
    bed.add("loopback", box, { cniVersion: "1.1.0", name: "lo" }).result;
    expect(box.ping("127.0.0.1")).toBe(true);
  });

  it("P7.02 fails if the interface is there, and does not touch it", ({ bed }) => {
    const config = masqueraded("10.1.2.0/24");
    const box = bed.container();
    box.sh("ip link add eth0 type veth peer name other && ip address add 192.0.2.1/24 dev eth0");
    const before = bed.snapshot();
    const { error } = bed.add("bridge", box, config);
    expect(error.code).toBeGreaterThanOrEqual(100);
    expect(error.msg).toContain("eth0");
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it("P7.03 a second ADD fails and leaves the first attachment whole", ({ bed }) => {
    const config = masqueraded("10.1.2.0/24");
    const box = bed.container();
    const outside = bed.outside();
    bed.add("bridge", box, config).result;
    const before = bed.snapshot();

    expect(bed.add("bridge", box, config).error.code).toBeGreaterThanOrEqual(100);
    expect(bed.leftovers(before)).toEqual([]);
    expect(box.ping("10.1.2.1")).toBe(true);
    expect(box.ping("203.0.113.2")).toBe(true);
    expect(outside.links()).toContain("wire");
  });

  it("P7.03 a second reservation fails and keeps the first", ({ bed }) => {
    const box = bed.container();
    bed.add("host-local", box, hostLocal("10.1.2.0/24")).result;
    const before = bed.snapshot();
    const { error } = bed.add("host-local", box, hostLocal("10.1.2.0/24"));
    expect(error.msg).toContain("10.1.2.2");
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("P7.04 another interface of the same container is another attachment", ({ bed }) => {
    const config = bridge("10.1.2.0/24", { ipam: { type: "host-local", subnet: "10.1.2.0/24" } });
    const box = bed.container();
    const first = bed.add("bridge", box, config).result;
    const second = bed.add("bridge", box, config, { ifName: "eth1" }).result;
    expect([first, second].map(({ ips }) => ips[0]?.address)).toEqual([
      "10.1.2.2/24",
      "10.1.2.3/24",
    ]);
    expect(box.links()).toEqual(["lo", "eth0", "eth1"]);

    expect(bed.del("bridge", box, config)).toSucceed();
    expect(box.links()).toEqual(["lo", "eth1"]);
    expect(reservations(bed)).toEqual(["10.1.2.3"]);
  });

  it("P7.07 another network with the same names is another attachment", ({ bed }) => {
    const box = bed.container();
    const one = hostLocal("10.1.2.0/24", { name: "one" });
    const two = hostLocal("10.1.2.0/24", { name: "two" });
    for (const config of [one, two]) {
      expect(bed.add("host-local", box, config).result.ips).toMatchObject([
        { address: "10.1.2.2/24" },
      ]);
    }
    expect(bed.del("host-local", box, one)).toSucceed();
    expect([reservations(bed, "one"), reservations(bed, "two")]).toEqual([[], ["10.1.2.2"]]);
  });
});

const range = { type: "host-local", subnet: "10.1.2.0/24" };

/** Attachments that cannot be made, each for another reason and at another moment. */
const impossible: readonly (readonly [string, Config])[] = [
  ["no such address manager", bridgeWith({ type: "nosuch" })],
  [
    "an unreachable gateway",
    bridgeWith({ ...range, routes: [{ dst: "192.0.2.0/24", gw: "9.9.9.9" }] }),
  ],
  [
    "an unreachable gateway, with masquerade",
    masqueraded("", {
      ipam: { ...range, routes: [{ dst: "192.0.2.0/24", gw: "9.9.9.9" }] },
    }),
  ],
  [
    "an unreachable gateway in the second family",
    bridgeWith(
      {
        type: "host-local",
        ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
        routes: [{ dst: "2001:db8::/64", gw: "2001:db8:9::1" }],
      },
      { ipMasq: true },
    ),
  ],
  [
    "the same route twice",
    bridgeWith({
      ...range,
      routes: [
        { dst: "192.0.2.0/24", gw: "10.1.2.1" },
        { dst: "192.0.2.0/24", gw: "10.1.2.1" },
        { dst: "1.2.3.0/24", gw: "9.9.9.9" },
      ],
    }),
  ],
  ["an MTU no link can have", bridge("10.1.2.0/24", { mtu: 70_000 })],
  ["a malformed hardware address", bridge("10.1.2.0/24", { runtimeConfig: { mac: "nope" } })],
  [
    "a multicast hardware address",
    bridge("10.1.2.0/24", { runtimeConfig: { mac: "01:00:5e:00:00:01" } }),
  ],
  [
    "a requested address outside the range",
    bridge("10.1.2.0/24", { args: { cni: { ips: ["192.0.2.1"] } } }),
  ],
  ["an unknown masquerade backend", masqueraded("10.1.2.0/24", { ipMasqBackend: "magic" })],
  ["a bridge that is something else", bridge("10.1.2.0/24", { bridge: "uplink" })],
  ["a bridge name no link can have", bridge("10.1.2.0/24", { bridge: "much-too-long-a-name" })],
  ["contradicting options", bridge("10.1.2.0/24", { hairpinMode: true, promiscMode: true })],
];

describe("the hardware address of a bridge that somebody else made", () => {
  const network = bridge("10.1.2.0/24");

  it.for([
    ["has its own", "ip link add br0 address 0a:58:0a:01:02:01 type bridge"],
    ["has none in particular", "ip link add br0 type bridge"],
    [
      "has lost its last port",
      "ip link add br0 type bridge; ip link add p type veth; ip link set p master br0; ip link delete p",
    ],
  ])("stays once it is a gateway: it %s", ([, made = ""], { bed }) => {
    bed.host.sh(made);
    const boxes = [1, 2, 3, 4].map(() => bed.container());
    const results = boxes.map((box) => bed.add("bridge", box, network).result);
    const first = results[0]?.interfaces[0]?.mac;
    expect(results.map(({ interfaces }) => interfaces[0]?.mac)).toEqual(Array(4).fill(first));
    for (const box of boxes) {
      bed.del("bridge", box, network);
      expect(bed.host.link("br0").address).toBe(first);
    }
  });
});

describe("P7 a failing ADD", () => {
  it.for(impossible)("P7.05 leaves nothing behind: %s", ([, config], { bed }) => {
    bed.outside();
    expectRefusal(bed, bed.container(), config);
  });

  it("P7.05 leaves nothing behind: only one family can be masqueraded", ({ bed }) => {
    const tools = bed.folder("tools");
    bed.host.sh(`for job in save restore; do ln -s $(command -v iptables-$job) ${tools}/; done`);
    const box = bed.container();
    const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];
    const more = { ipMasq: true, ipMasqBackend: "iptables" };
    const config = bridgeWith({ type: "host-local", ranges }, more);
    const before = bed.snapshot();
    const run = bed.add("bridge", box, config, { env: { PATH: tools } });
    expect(run.error.msg).toContain("ip6tables");
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it("P7.05 leaves nothing behind: the addresses are all in use", ({ bed }) => {
    const config = masqueraded("10.1.2.0/30");
    bed.add("bridge", bed.container(), config).result;
    const box = bed.container();
    const before = bed.snapshot();
    expect(bed.add("bridge", box, config).error.msg).toContain("10.1.2");
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("P7.05 leaves nothing behind: the bridge has another address of that network", ({ bed }) => {
    const config = masqueraded("10.1.2.0/24");
    bed.host.sh("ip link add br0 type bridge && ip address add 10.1.2.9/24 dev br0");
    const box = bed.container();
    const before = bed.snapshot();
    expect(bed.add("bridge", box, config).error.msg).toContain("10.1.2.9/24");
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    expect(bed.host.addresses("br0")).toEqual(["10.1.2.9/24"]);
  });

  it.for(["/nope", "/run/netns/nope", "/etc/passwd", "/run"])(
    "P7.06 does nothing at all without a namespace: %s",
    (CNI_NETNS, { bed }) => {
      const box = bed.container();
      const before = bed.snapshot();
      const { error } = bed.add("bridge", box, masqueraded("10.1.2.0/24"), { env: { CNI_NETNS } });
      expect(error.msg).toContain(CNI_NETNS);
      expect(bed.leftovers(before)).toEqual([]);
    },
  );

  it("P7.08 prints no result", ({ bed }) => {
    const { error } = bed.add("bridge", bed.container(), bridgeWith({ type: "nosuch" }));
    expect(Object.keys(error).sort()).not.toContain("ips");
  });

  it("P7.08 if its result cannot be printed, it takes everything back", ({ bed }) => {
    const config = masqueraded("10.1.2.0/24");
    const box = bed.container();
    const before = bed.snapshot();
    const run = bed.add("bridge", box, config, { redirect: ">/dev/full" });
    expect(run).toMatchObject({ exitCode: 1, signal: null });
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });
});

function expectRefusal(bed: Bed, box: Container, config: Config): void {
  const before = bed.snapshot();
  expect(bed.add("bridge", box, config).error.msg).not.toBe("");
  expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
}
