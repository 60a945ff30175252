/** P13: ADD after another plugin of the same list. */
import { describe, expect } from "vitest";
import { bridge } from "../bed/configs.ts";
import { it } from "../bed/it.ts";

const lo = { cniVersion: "1.1.0", name: "net", type: "loopback" };

const earlier = {
  cniVersion: "1.1.0",
  interfaces: [
    { name: "cni7", mac: "02:00:00:00:00:07", mtu: 9000 },
    { name: "net0", sandbox: "/run/netns/box1", socketPath: "/run/s", pciID: "0000:00:1f.6" },
  ],
  ips: [{ address: "192.0.2.7/24", gateway: "192.0.2.1", interface: 1 }],
  routes: [
    {
      dst: "198.51.100.0/24",
      gw: "192.0.2.1",
      mtu: 1300,
      advmss: 1200,
      priority: 5,
      table: 9,
      scope: 0,
    },
  ],
  dns: { nameservers: ["192.0.2.53"], domain: "example.org", search: ["a"], options: ["b"] },
};

describe("P13 a plugin that changes nothing", () => {
  it("P13.01 P13.06 prints what it got, with all that 1.1.0 may say", ({ bed }) => {
    const run = bed.add("loopback", bed.container(), { ...lo, prevResult: earlier });
    expect(run.json).toEqual(earlier);
  });

  it("P13.01 also in an older version", ({ bed }) => {
    const prevResult = {
      cniVersion: "0.4.0",
      interfaces: [{ name: "net0", sandbox: "/run/netns/box1" }],
      ips: [{ version: "4", address: "192.0.2.7/24", interface: 0 }],
      dns: {},
    };
    const config = { ...lo, cniVersion: "0.4.0", prevResult };
    expect(bed.add("loopback", bed.container(), config).json).toEqual(prevResult);
  });

  it("P13.03 takes a result without a version for one of the configuration's", ({ bed }) => {
    const { cniVersion: _, ...prevResult } = earlier;
    const run = bed.add("loopback", bed.container(), { ...lo, prevResult });
    expect(run.json).toEqual(earlier);
  });

  it("P13.04 refuses a result of another family of versions", ({ bed }) => {
    const prevResult = { cniVersion: "0.4.0", ips: [{ version: "4", address: "192.0.2.7/24" }] };
    for (const [program, config] of [
      ["loopback", lo],
      ["bridge", bridge("10.1.2.0/24")],
    ] as const) {
      const { error } = bed.add(program, bed.container(), { ...config, prevResult });
      expect(error.msg).toContain("prevResult");
      expect(error.msg).toContain("0.4.0");
    }
  });

  it("P13.05 keeps keys it does not know", ({ bed }) => {
    const [first, second] = earlier.interfaces;
    const prevResult = {
      ...earlier,
      extra: { a: 1 },
      interfaces: [{ ...first, foo: [1, "x"] }, second],
      ips: [{ ...earlier.ips[0], vendor: true }],
    };
    const run = bed.add("loopback", bed.container(), { ...lo, prevResult });
    expect(run.json).toEqual(prevResult);
  });

  it("P13.09 tolerates addresses without an interface, and a negative index", ({ bed }) => {
    for (const ips of [
      [{ address: "192.0.2.7/24" }],
      [{ address: "192.0.2.7/24", interface: -1 }],
    ]) {
      const prevResult = { cniVersion: "1.1.0", ips };
      const run = bed.add("loopback", bed.container(), { ...lo, prevResult });
      expect(run.json).toMatchObject({ ips });
    }
  });
});

describe("P13 bridge as a later plugin", () => {
  const config = bridge("10.1.2.0/24", { ipMasq: true });

  it("P13.01 P13.08 adds what it made to what was there", ({ bed }) => {
    const box = bed.container();
    const result = bed.add("bridge", box, { ...config, prevResult: earlier }).result;

    expect(result.interfaces.slice(0, 2)).toEqual(earlier.interfaces);
    expect(result.interfaces.slice(2)).toMatchObject([
      { name: "br0" },
      { name: expect.stringMatching(/^veth/) },
      { name: "eth0", sandbox: box.netns },
    ]);
    expect(result.ips).toEqual([
      { address: "10.1.2.2/24", gateway: "10.1.2.1", interface: 4 },
      ...earlier.ips,
    ]);
    expect(result.routes).toEqual([...earlier.routes, { dst: "0.0.0.0/0" }]);
    expect(box.ping("10.1.2.1")).toBe(true);
  });

  it("P13.08 puts only its own addresses on its interface", ({ bed }) => {
    const box = bed.container();
    bed.add("bridge", box, { ...config, prevResult: earlier }).result;
    expect(box.addresses("eth0")).toEqual(["10.1.2.2/24"]);
    expect(box.routes()).toEqual(["default via 10.1.2.1 dev eth0", "10.1.2.0/24 dev eth0"]);
  });

  it("P13.05 keeps keys it does not know", ({ bed }) => {
    const prevResult = { ...earlier, extra: { a: 1 } };
    const run = bed.add("bridge", bed.container(), { ...config, prevResult });
    expect(run.json).toMatchObject({ extra: { a: 1 } });
  });

  it("P13.01 CHECK accepts the whole result", ({ bed }) => {
    const box = bed.container();
    box.sh(`
      ip link add net0 type veth peer name other
      ip address add 192.0.2.7/24 dev net0
      ip link set net0 up
      ip route add 198.51.100.0/24 via 192.0.2.1 metric 5 table 9 mtu 1300 advmss 1200`);
    const result = bed.add("bridge", box, { ...config, prevResult: earlier }).result;
    const run = bed.check("bridge", box, { ...config, prevResult: result });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
  });

  it("P13.03 takes a result without a version for one of the configuration's", ({ bed }) => {
    const { cniVersion: _, ...prevResult } = earlier;
    const result = bed.add("bridge", bed.container(), { ...config, prevResult }).result;
    expect(result.ips).toHaveLength(2);
  });
});

describe("P13 plugins that change what another has made", () => {
  const web = { hostPort: 80, containerPort: 80, protocol: "tcp" };
  const chained = [
    ["bandwidth", { ingressRate: 8_000_000, ingressBurst: 800_000 }],
    ["firewall", {}],
    ["policy", { ingress: { allow: [] } }],
    ["portmap", { runtimeConfig: { portMappings: [web] } }],
    ["tuning", { mtu: 1400 }],
  ] as const;

  it.for(chained)(
    "P13.07 %s without a result before is code 7, and DEL succeeds",
    ([type, options], { bed }) => {
      const box = bed.container();
      const config = { cniVersion: "1.1.0", name: "net", type, ...options };
      const before = bed.snapshot();
      for (const command of ["ADD", "CHECK"]) {
        const { error } = bed.exec(type, { command, config, container: box });
        expect(error).toMatchObject({ code: 7, msg: expect.stringContaining("prevResult") });
      }
      expect(bed.del(type, box, config)).toSucceed();
      expect(bed.leftovers(before)).toEqual([]);
    },
  );

  it("P13.10 tuning changes a link that it knows nothing of", ({ bed }) => {
    const box = bed.container();
    box.sh("ip link add eth0 type veth peer name other");
    const prevResult = {
      cniVersion: "1.1.0",
      interfaces: [{ name: "eth0", sandbox: box.netns }],
      ips: [],
    };
    const config = { cniVersion: "1.1.0", name: "net", type: "tuning", mtu: 1400, prevResult };
    expect(bed.add("tuning", box, config)).toSucceed();
    expect(box.link("eth0")).toMatchObject({ mtu: 1400 });
    expect(bed.check("tuning", box, config)).toSucceed();
    expect(bed.del("tuning", box, config)).toSucceed();
    expect(box.link("eth0")).toMatchObject({ mtu: 1500 });
  });
});
