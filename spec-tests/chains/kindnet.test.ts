/** The list that kindnet writes: ptp and portmap; and the same with the other plugins after it. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { ask, serve, world } from "../bed/ports.ts";

const portMappings = [
  { hostPort: 8080, containerPort: 80, protocol: "tcp" },
  { hostPort: 5353, containerPort: 53, protocol: "udp" },
];

const file = resolve(import.meta.dirname, "../../examples/kindnet.conflist");
const { cniVersion, name, plugins } = JSON.parse(readFileSync(file, "utf8")) as Example;

interface Example {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly [Config & { readonly ipam: Config }, Config];
}

const four = { subnet: "10.244.0.0/24", dst: "0.0.0.0/0" };
const six = { subnet: "fd00:10:244::/64", dst: "::/0" };

/** As a runtime hands it to the plugins, for a pod with or without ports of the host. */
function kindnet(ports: readonly unknown[], more: readonly Config[] = [], families = [four]) {
  const [ptp, portmap] = plugins;
  const ipam = {
    ...ptp.ipam,
    routes: families.map(({ dst }) => ({ dst })),
    ranges: families.map(({ subnet }) => [{ subnet }]),
  };
  const runtimeConfig = ports.length === 0 ? {} : { runtimeConfig: { portMappings: ports } };
  const list: readonly Config[] = [{ ...ptp, ipam }, { ...portmap, ...runtimeConfig }, ...more];
  return list.map((plugin) => ({ ...plugin, cniVersion, name }));
}

const dualStack = [four, six];

interface Pod {
  readonly box: Container;
  readonly chain: Chain;
  readonly result: Config;
}

function podOf(bed: Bed, list: readonly Config[]): Pod {
  const box = bed.container();
  const chain = new Chain(bed, list);
  return { box, chain, result: chain.add(box) };
}

/** A pod that serves the ports of the host which are mapped to it. */
function server(bed: Bed, list: readonly Config[]): Pod {
  const pod = podOf(bed, list);
  pod.box.sh("ip link set lo up");
  serve(pod.box, "tcp", 80);
  serve(pod.box, "udp", 53);
  return pod;
}

describe("kindnet's list", () => {
  it("is the example as it stands, for IPv4", () => {
    expect(kindnet([])).toEqual(plugins.map((plugin) => ({ ...plugin, cniVersion, name })));
  });

  it("connects pods, the host and the world", ({ bed }) => {
    const outside = world(bed);
    const [a, b] = [podOf(bed, kindnet([])).box, podOf(bed, kindnet([])).box];
    expect(a.pingAll(["10.244.0.3", "10.244.0.1", "192.0.2.9"])).toEqual([true, true, true]);
    expect(bed.host.pingAll(["10.244.0.2", "10.244.0.3"])).toEqual([true, true]);
    expect(outside.ping("10.244.0.3")).toBe(true);
    expect(b.link("eth0").mtu).toBe(1500);
  });

  it("does so in both families, from the first packet on", ({ bed }) => {
    const outside = world(bed);
    const list = kindnet([], [], dualStack);
    const [a] = [podOf(bed, list).box, podOf(bed, list).box];
    const all = ["10.244.0.3", "fd00:10:244::3", "fd00:10:244::1", "fd99::9"];
    expect(a.pingAll(all)).toEqual(all.map(() => true));
    expect(outside.pingAll(["10.244.0.2", "fd00:10:244::3"])).toEqual([true, true]);
  });

  it("leads ports of the host to a pod: from the world, the host, its loopback, pods", ({
    bed,
  }) => {
    const outside = world(bed);
    bed.host.sh("ip link set lo up");
    const { box } = server(bed, kindnet(portMappings, [], dualStack));
    const other = podOf(bed, kindnet([], [], dualStack)).box;
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(ask(outside, "fd99::1", 8080)).toBe("fd99::9");
    expect(ask(outside, "192.0.2.1", 5353, "udp")).toBe("192.0.2.9");
    expect(ask(bed.host, "192.0.2.1", 8080)).not.toBe("");
    expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.244.0.1");
    expect(ask(bed.host, "127.0.0.1", 5353, "udp")).toBe("10.244.0.1");
    for (const from of [other, box]) {
      expect(ask(from, "10.244.0.1", 8080)).not.toBe("");
      expect(ask(from, "fd00:10:244::1", 8080)).not.toBe("");
      expect(ask(from, "192.0.2.1", 5353, "udp")).not.toBe("");
    }
  });

  it("goes without a trace, and ports can be had again", ({ bed }) => {
    const list = kindnet(portMappings, [], dualStack);
    const gone = podOf(bed, kindnet([]));
    gone.chain.del(gone.box);
    const box = bed.container();
    const before = bed.snapshot();
    const chain = new Chain(bed, list);
    for (const _ of ["once", "again"]) {
      const result = chain.add(box);
      for (const run of chain.del(box, result)) expect(run).toSucceed();
      for (const run of chain.del(box)) expect(run).toSucceed();
      expect(bed.leftovers(before, sharedBy(list[0] ?? {}))).toEqual([]);
    }
  });

  it("survives one pod's end where others have the same gateway", ({ bed }) => {
    const list = kindnet([], [], dualStack);
    const [a, b, c] = [podOf(bed, list), podOf(bed, list), podOf(bed, list)];
    a.chain.del(a.box, a.result);
    expect(b.box.pingAll(["10.244.0.1", "10.244.0.4", "fd00:10:244::1", "fd00:10:244::4"])).toEqual(
      [true, true, true, true],
    );
    bed.host.sh(`ip netns delete ${b.box.name}`);
    expect(c.box.pingAll(["10.244.0.1", "fd00:10:244::1"])).toEqual([true, true]);
  });
});

describe("the same list with more plugins", () => {
  const rate = 1_000_000_000;
  const limits = { ingressRate: rate, ingressBurst: rate, egressRate: rate, egressBurst: rate };
  const more = [
    { type: "bandwidth", ...limits },
    { type: "firewall" },
    { type: "tuning", mtu: 1400, sysctl: { "net.ipv4.conf.IFNAME.arp_notify": "1" } },
  ];
  const newest = (list: readonly Config[]) =>
    list.map((plugin) => ({ ...plugin, cniVersion: "1.1.0" }));

  it("works, passes CHECK, and goes without a trace", ({ bed }) => {
    const outside = world(bed);
    bed.host.sh("ip link set lo up; iptables -P FORWARD DROP");
    const list = newest(kindnet(portMappings, more, dualStack));
    const gone = podOf(bed, list);
    for (const run of gone.chain.del(gone.box, gone.result)) expect(run).toSucceed();
    const before = bed.snapshot();
    const { box, chain, result } = server(bed, list);
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(box.ping("192.0.2.9")).toBe(true);
    for (const run of chain.check(box, result)) expect(run).toSucceed();
    for (const run of chain.del(box, result)) expect(run).toSucceed();
    const left = bed.leftovers(before, sharedBy(list[0] ?? {}));
    expect(left.filter((line) => !line.includes(box.name))).toEqual([]);
  });

  it.for(["same-bridge", "isolated"])(
    "is refused with the ingress policy %s, which is about bridges",
    (ingressPolicy, { bed }) => {
      const firewall = { type: "firewall", ingressPolicy };
      const [ptp, , last] = newest(kindnet([], [firewall], dualStack));
      const box = bed.container();
      const prevResult = bed.add("ptp", box, ptp ?? {}).result;
      const { error } = bed.add("firewall", box, { ...last, prevResult });
      expect(error).toMatchObject({ code: 7, msg: expect.stringContaining("no bridge") });
    },
  );
});
