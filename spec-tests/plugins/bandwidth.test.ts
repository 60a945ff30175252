/** The bandwidth plugin: what `tc` shows, what iperf3 measures, and nothing left behind. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";

const MBIT = 1_000_000;
const both = {
  ingressRate: 10 * MBIT,
  ingressBurst: 2 * MBIT,
  egressRate: 20 * MBIT,
  egressBurst: 4 * MBIT,
};

const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];
const base = { cniVersion: "1.1.0", name: "net" };
const bridge = {
  ...base,
  type: "bridge",
  bridge: "br0",
  isDefaultGateway: true,
  ipam: { type: "host-local", ranges },
};
const limited = (more: Config): readonly [Config, Config] => [
  bridge,
  { ...base, type: "bandwidth", ...more },
];

interface Attached {
  readonly box: Container;
  readonly result: Config;
  /** The host's end of the veth pair. */
  readonly port: string;
}

function attach(bed: Bed, plugins: readonly Config[]): Attached {
  const box = bed.container();
  const result = new Chain(bed, plugins).add(box);
  const { interfaces } = result as { readonly interfaces: readonly { readonly name: string }[] };
  return { box, result, port: interfaces[1]?.name ?? "" };
}

interface Qdisc {
  readonly kind: string;
  readonly dev: string;
  readonly root?: boolean;
  readonly parent?: string;
  readonly options: { readonly rate?: number; readonly burst?: number; readonly lat?: number };
}

/** What shapes; what only queues depends on the kernel. */
function qdiscs(bed: Bed): readonly Qdisc[] {
  return allQdiscs(bed).filter(({ kind }) => kind !== "noqueue" && kind !== "fq_codel");
}

function allQdiscs(bed: Bed): readonly Qdisc[] {
  return JSON.parse(bed.host.sh("tc -j qdisc show")) as readonly Qdisc[];
}

function shapersOf(bed: Bed): readonly string[] {
  const links = JSON.parse(bed.host.sh("ip -j link show type ifb")) as readonly {
    ifname?: string;
  }[];
  return links.flatMap(({ ifname }) => ifname ?? []);
}

describe("limits", () => {
  needs("fq_codel")("queue fairly inside, where the kernel can", ({ bed }) => {
    attach(bed, limited(both));
    const inside = allQdiscs(bed).filter(({ kind, root }) => kind === "fq_codel" && !root);
    expect(inside).toHaveLength(2);
    for (const { parent } of inside) expect(parent).toMatch(/:/);
  });

  it("P13.12 P14.04 are token buckets, in bytes, on both ends of the way", ({ bed }) => {
    const { result, port } = attach(bed, limited(both));
    const [shaper = ""] = shapersOf(bed);
    expect(shaper).toMatch(/^bwp[0-9a-f]{12}$/);
    expect(qdiscs(bed)).toEqual([
      expect.objectContaining({
        kind: "tbf",
        dev: port,
        root: true,
        options: expect.objectContaining({ rate: (10 * MBIT) / 8, burst: 250_000 }),
      }),
      expect.objectContaining({ kind: "ingress", dev: port }),
      expect.objectContaining({
        kind: "tbf",
        dev: shaper,
        root: true,
        options: expect.objectContaining({ rate: (20 * MBIT) / 8, burst: 500_000 }),
      }),
    ]);
    expect(result.interfaces).toContainEqual({ name: shaper, mac: expect.any(String) });
    expect(bed.host.sh(`tc filter show dev ${port} ingress`)).toContain(`device ${shaper}) stolen`);
  });

  it.for([
    ["in one direction only", { ingressRate: MBIT, ingressBurst: MBIT }, ["tbf"], 0],
    ["in the other only", { egressRate: MBIT, egressBurst: MBIT }, ["ingress", "tbf"], 1],
    ["in none", {}, [], 0],
    ["in none, said so", { ingressRate: 0, ingressBurst: 0 }, [], 0],
  ] as const)("%s", ([, limits, kinds, shapers], { bed }) => {
    const { box, result } = attach(bed, limited(limits));
    expect(qdiscs(bed).map(({ kind }) => kind)).toEqual(kinds);
    expect(shapersOf(bed)).toHaveLength(shapers);
    const config = { ...limited(limits)[1], prevResult: result };
    expect(bed.check("bandwidth", box, config).exitCode).toBe(0);
  });

  it("P14.04 come from the runtime in any spelling, unless the configuration has its own", ({
    bed,
  }) => {
    const bandwidth = { IngressRate: MBIT, INGRESSBURST: MBIT };
    attach(bed, limited({ runtimeConfig: { bandwidth } }));
    expect(qdiscs(bed).map(({ kind }) => kind)).toEqual(["tbf"]);
    attach(bed, limited({ runtimeConfig: { bandwidth }, egressRate: 0 }));
    expect(qdiscs(bed)).toHaveLength(1);
  });

  it("replace an absurd burst by 100 ms of the rate, but never by less than ten packets", ({
    bed,
  }) => {
    const absurd = 4_294_967_295;
    attach(bed, limited({ ingressRate: 10 * MBIT, ingressBurst: absurd }));
    attach(bed, limited({ ingressRate: 8000, ingressBurst: absurd }));
    attach(bed, limited({ ingressRate: 10 * MBIT, ingressBurst: absurd, burst: "exact" }));
    const bursts = qdiscs(bed).map(({ options }) => options.burst ?? 0);
    expect(bursts.slice(0, 2).toSorted((a, b) => a - b)).toEqual([15_140, 125_000]);
    expect(bursts).toHaveLength(3);
    const box = bed.container();
    const config = limited({ ingressRate: 10 * MBIT, ingressBurst: absurd, burst: "exact" });
    const result = new Chain(bed, config).add(box);
    expect(bed.check("bandwidth", box, { ...config[1], prevResult: result }).exitCode).toBe(0);
  });

  const documented = { ingressRate: 123, ingressBurst: 456, egressRate: 123, egressBurst: 456 };
  const bursts = (bed: Bed) => qdiscs(bed).flatMap(({ options }) => options.burst ?? []);

  it.for([
    ["of the configuration", documented],
    ["of the runtime", { runtimeConfig: { bandwidth: documented } }],
    ["with exceptions", { ...documented, unshapedSubnets: ["10.9.0.0/16"] }],
  ] as const)(
    "%s with a burst below one packet are made with one of it, which is told",
    ([, limits], { bed }) => {
      const [network, bandwidth] = limited(limits);
      const box = bed.container();
      const before = bed.snapshot();
      const prevResult = bed.add("bridge", box, network).result;
      const run = bed.add("bandwidth", box, { ...bandwidth, prevResult });
      expect(run.stderr.trim().split("\n")).toEqual([
        expect.stringMatching(
          /^bandwidth: ingressBurst of 456 is raised to 12144 bits.* MTU 1500$/,
        ),
        expect.stringMatching(/^bandwidth: egressBurst of 456 is raised to 12144 bits.* MTU 1500$/),
      ]);
      // `tc` reckons it from ticks, and may lose a byte.
      expect(bursts(bed).map((burst) => Math.round(burst / 2))).toEqual([759, 759]);
      const config = { ...bandwidth, prevResult: run.result };
      expect(bed.check("bandwidth", box, config)).toMatchObject({ exitCode: 0, stderr: "" });
      bed.host.sh(
        `tc qdisc replace dev ${prevResult.interfaces[1]?.name} root tbf rate 123 burst 57 limit 57`,
      );
      expect(bed.check("bandwidth", box, config).error.code).toBe(104);
      expect(bed.del("bandwidth", box, config)).toMatchObject({ exitCode: 0, stderr: "" });
      expect(bed.del("bridge", box, network)).toSucceed();
      expect(bed.leftovers(before, sharedBy(network))).toEqual([]);
    },
  );

  it("of the runtime that cannot be used as they are limit all the same", ({ bed }) => {
    const runtimeConfig = { bandwidth: { ingressRate: MBIT, egressRate: 7, egressBurst: 80_000 } };
    const [network, bandwidth] = limited({ runtimeConfig });
    const box = bed.container();
    const prevResult = bed.add("bridge", box, network).result;
    const run = bed.add("bandwidth", box, { ...bandwidth, prevResult });
    expect(run.stderr).toMatch(
      /ingressBurst of 0 is made 100000 bits\n.*egressRate of 7 is raised to 8/,
    );
    const found = qdiscs(bed).filter(({ kind }) => kind === "tbf");
    expect(found.map(({ options }) => options.rate)).toEqual([MBIT / 8, 1]);
    const config = { ...bandwidth, prevResult: run.result };
    expect(bed.check("bandwidth", box, config)).toMatchObject({ exitCode: 0, stderr: "" });
  });

  it("let a packet wait as long as `latency` says", ({ bed }) => {
    attach(bed, limited({ ingressRate: 8 * MBIT, ingressBurst: MBIT, latency: 100 }));
    expect(qdiscs(bed)[0]?.options.lat).toBeCloseTo(100_000, -3);
  });
});

describe("an interface of its own for each", () => {
  it("has its own ifb, and its DEL leaves the other's", ({ bed }) => {
    const [network, bandwidth] = limited(both);
    const { box, result } = attach(bed, [network, bandwidth]);
    const second = { ifName: "net1" };
    const run = new Chain(bed, [network, bandwidth]).add(box, second);
    expect(shapersOf(bed)).toHaveLength(2);
    const gone = bed.del("bandwidth", box, { ...bandwidth, prevResult: run }, second);
    expect(gone.exitCode).toBe(0);
    expect(shapersOf(bed)).toHaveLength(1);
    expect(bed.check("bandwidth", box, { ...bandwidth, prevResult: result }).exitCode).toBe(0);
  });
});

describe("ADD again", () => {
  it("replaces what is there", ({ bed }) => {
    const [network, bandwidth] = limited(both);
    const box = bed.container();
    const prevResult = bed.add("bridge", box, network).result;
    bed.add("bandwidth", box, { ...bandwidth, prevResult }).result;
    const slower = { ...bandwidth, egressRate: MBIT, prevResult };
    const result = bed.add("bandwidth", box, slower).result;
    expect(shapersOf(bed)).toHaveLength(1);
    expect(bed.check("bandwidth", box, { ...slower, prevResult: result }).exitCode).toBe(0);
  });
});

describe("CHECK finds", () => {
  it.for([
    ["a bucket that is gone", "tc qdisc delete dev $port root"],
    ["another rate", "tc qdisc replace dev $port root tbf rate 11mbit burst 250000 latency 25ms"],
    ["another burst", "tc qdisc replace dev $port root tbf rate 10mbit burst 200000 latency 25ms"],
    ["another limit", "tc qdisc replace dev $port root tbf rate 10mbit burst 250000 latency 50ms"],
    ["another qdisc", "tc qdisc replace dev $port root pfifo"],
    ["a lost redirection", "tc filter delete dev $port ingress"],
    ["a lost input", "tc qdisc delete dev $port ingress"],
    ["a device that is down", "ip link set $shaper down"],
    ["a device that is gone", "ip link delete $shaper"],
    ["a device without a bucket", "tc qdisc delete dev $shaper root"],
  ] as const)("%s", ([, damage], { bed }) => {
    const [network, bandwidth] = limited(both);
    const { box, result, port } = attach(bed, [network, bandwidth]);
    const config = { ...bandwidth, prevResult: result };
    expect(bed.check("bandwidth", box, config).exitCode).toBe(0);
    bed.host.sh(`port=${port} shaper=${shapersOf(bed)[0]}\n${damage}`);
    expect(bed.check("bandwidth", box, config).error).toMatchObject({ code: 104 });
  });
});

describe("DEL", () => {
  it.for([
    ["with everything", true, true, both],
    ["without the result", false, true, both],
    ["without the namespace", true, false, both],
    ["without the limits", true, true, {}],
  ] as const)("leaves nothing of its own, %s", ([, hasResult, hasNetns, limits], { bed }) => {
    const [network] = limited(both);
    const box = bed.container();
    const prevResult = bed.add("bridge", box, network).result;
    const before = bed.snapshot();
    const config = { ...limited(both)[1], prevResult };
    bed.add("bandwidth", box, config).result;
    const options = hasNetns ? {} : { env: { CNI_NETNS: undefined } };
    const later = { ...limited(limits)[1], ...(hasResult ? { prevResult } : {}) };
    for (const _ of ["once", "twice"]) {
      expect(bed.del("bandwidth", box, later, options)).toMatchObject({ exitCode: 0, stdout: "" });
    }
    expect(shapersOf(bed)).toEqual([]);
    if (hasNetns) {
      expect(bed.leftovers(before)).toEqual([]);
      expect(box.ping("10.1.2.1")).toBe(true);
    }
  });

  it("removes what the reference plugin made", ({ bed }) => {
    const [network, bandwidth] = limited(both);
    const box = bed.container();
    const prevResult = bed.add("bridge", box, network).result;
    const before = bed.snapshot();
    const config = { ...bandwidth, cniVersion: "1.0.0", prevResult };
    const reference = { ...config, prevResult: { ...prevResult, cniVersion: "1.0.0" } };
    expect(bed.add("bandwidth", box, reference, { from: "/usr/lib/cni" })).toSucceed();
    expect(shapersOf(bed)).toHaveLength(1);
    expect(bed.del("bandwidth", box, reference).exitCode).toBe(0);
    expect(bed.leftovers(before)).toEqual([]);
  });
});

describe("GC", () => {
  it("removes the devices of attachments that are gone, and no others", ({ bed }) => {
    const [network, bandwidth] = limited(both);
    const [kept, gone] = [attach(bed, [network, bandwidth]), attach(bed, [network, bandwidth])];
    attach(bed, [
      { ...network, name: "other" },
      { ...bandwidth, name: "other" },
    ]);
    expect(shapersOf(bed)).toHaveLength(3);
    const valid = [{ containerID: kept.box.containerID, ifname: "eth0" }];
    const run = bed.gc("bandwidth", { ...bandwidth, "cni.dev/valid-attachments": valid });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(shapersOf(bed)).toHaveLength(2);
    const config = { ...bandwidth, prevResult: kept.result };
    expect(bed.check("bandwidth", kept.box, config).exitCode).toBe(0);
    expect(gone.box.containerID).not.toBe(kept.box.containerID);
  });
});

describe("exceptions", () => {
  it("are classes before the bucket", ({ bed }) => {
    const unshaped = limited({ ...both, unshapedSubnets: ["10.1.2.0/24", "fd00:1::/64"] });
    const { box, result, port } = attach(bed, unshaped);
    expect(qdiscs(bed).map(({ kind, dev }) => [kind, dev === port])).toEqual([
      ["htb", true],
      ["tbf", true],
      ["ingress", true],
      ["htb", false],
      ["tbf", false],
    ]);
    const config = { ...unshaped[1], prevResult: result };
    expect(bed.check("bandwidth", box, config).exitCode).toBe(0);
  });
});

describe("bad input", () => {
  const subnets = ["10.0.0.0/8"];
  const wrong: readonly (readonly [string, Config])[] = [
    ["a negative rate", { ingressRate: -1, ingressBurst: MBIT }],
    ["a fraction", { ingressRate: 1.5 * MBIT + 0.5, ingressBurst: MBIT }],
    ["a text", { ingressRate: "1M", ingressBurst: MBIT }],
    ["beyond 2^53", { ingressRate: 2 ** 54, ingressBurst: MBIT }],
    ["a rate without a burst", { egressRate: MBIT }],
    ["a burst without a rate", { egressBurst: MBIT }],
    ["less than a byte per second", { ingressRate: 7, ingressBurst: MBIT }],
    ["an exact burst beyond 4 GB", { egressRate: 10 * MBIT, egressBurst: 2 ** 35, burst: "exact" }],
    ["a latency of nothing", { ...both, latency: 0 }],
    ["no subnet", { ...both, shapedSubnets: ["10.0.0.0/33"] }],
    ["both kinds of subnets", { ...both, shapedSubnets: subnets, unshapedSubnets: subnets }],
  ];
  it.for(wrong)("%s is refused with code 7, and nothing changes", ([, limits], { bed }) => {
    const [network, bandwidth] = limited(limits);
    const box = bed.container();
    const prevResult = bed.add("bridge", box, network).result;
    const before = bed.snapshot();
    const run = bed.add("bandwidth", box, { ...bandwidth, prevResult });
    expect(run.error).toMatchObject({ code: 7 });
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("a host's end that the result has in a namespace is named with it", ({ bed }) => {
    const [network, bandwidth] = limited(both);
    const box = bed.container();
    const prevResult = bed.add("bridge", box, network).result;
    const interfaces = prevResult.interfaces?.map((each) => ({ ...each, sandbox: box.netns }));
    const before = bed.snapshot();
    const config = { ...bandwidth, prevResult: { ...prevResult, interfaces } };
    const [, outside] = interfaces ?? [];
    for (const command of ["ADD", "CHECK"]) {
      const { error } = bed.exec("bandwidth", { command, container: box, config });
      expect(error.code).toBe(7);
      expect(error.msg).toContain(
        `prevResult.interfaces[1].sandbox must be empty, since "${outside?.name}" is the host's end of "eth0", got "${box.netns}"`,
      );
    }
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("a result that does not name the host's end, or a link that is no veth", ({ bed }) => {
    const [network, bandwidth] = limited(both);
    const box = bed.container();
    const prevResult = bed.add("bridge", box, network).result;
    const without = { ...bandwidth, prevResult: { ...prevResult, interfaces: [] } };
    expect(bed.add("bandwidth", box, without).error).toMatchObject({ code: 7 });
    const lo = bed.add("bandwidth", box, { ...bandwidth, prevResult }, { ifName: "lo" });
    expect(lo.error).toMatchObject({ code: 7 });
    const gone = bed.add("bandwidth", box, { ...bandwidth, prevResult }, { ifName: "eth7" });
    expect(gone.error).toMatchObject({ code: 100 });
  });
});

it("a failing ADD takes back what it did", ({ bed }) => {
  const [network, bandwidth] = limited({ ...both, unshapedSubnets: ["10.9.0.0/16"] });
  const box = bed.container();
  const prevResult = bed.add("bridge", box, network).result;
  const before = bed.snapshot();
  const config = { ...bandwidth, prevResult };
  let failed = 0;
  for (let nth = 1; nth < 40; nth++) {
    const run = bed.add("bandwidth", box, config, { fail: `sendto:error=ENOBUFS:when=${nth}` });
    if (run.ok) break;
    failed++;
    expect(run.error.code).toBe(100);
    expect(bed.leftovers(before), `send ${nth}`).toEqual([]);
  }
  expect(failed).toBeGreaterThan(5);
  expect(bed.del("bandwidth", box, config).exitCode).toBe(0);
  expect(bed.leftovers(before, sharedBy(network))).toEqual([]);
});
