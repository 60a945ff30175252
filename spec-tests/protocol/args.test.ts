/** P14: capabilities, `args` and CNI_ARGS. */
import { describe, expect } from "vitest";
import { bridge, bridgeWith, hostLocal } from "../bed/configs.ts";
import { sharedBy } from "../bed/difference.ts";
import { it } from "../bed/it.ts";

const config = hostLocal("10.1.2.0/24");
const network = bridge("10.1.2.0/24");

describe("P14 capabilities", () => {
  it("P14.01 P14.03 ipRanges: one address from each, before the configured range", ({ bed }) => {
    const ipRanges = [
      [{ subnet: "10.8.0.0/24", rangeStart: "10.8.0.50" }],
      [{ subnet: "fd00:8::/64" }],
    ];
    const ipam = { type: "host-local" };
    const only = hostLocal("", { ipam, runtimeConfig: { ipRanges } });
    const addresses = bed.add("host-local", bed.container(), only).result.ips;
    expect(addresses.map(({ address }) => address)).toEqual(["10.8.0.50/24", "fd00:8::2/64"]);

    const both = { ...config, runtimeConfig: { ipRanges } };
    const { ips } = bed.add("host-local", bed.container(), both).result;
    expect(ips.map(({ address }) => address)).toEqual([
      "10.8.0.51/24",
      "fd00:8::3/64",
      "10.1.2.2/24",
    ]);
  });

  it.for(["10.1.2.77", "10.1.2.77/24", "10.1.2.77/32"])("P14.06 ips: %s", (ip, { bed }) => {
    const asked = { ...config, runtimeConfig: { ips: [ip] } };
    expect(bed.add("host-local", bed.container(), asked).result.ips).toMatchObject([
      { address: "10.1.2.77/24" },
    ]);
  });

  it("P14.07 P2.08 mac: also with the key in another case", ({ bed }) => {
    for (const [key, mac] of [
      ["runtimeConfig", "02:00:00:00:00:07"],
      ["RuntimeConfig", "02:00:00:00:00:08"],
    ] as const) {
      const box = bed.container();
      const { interfaces } = bed.add("bridge", box, { ...network, [key]: { mac } }).result;
      expect(interfaces[2]?.mac).toBe(mac);
      expect(box.link("eth0").address).toBe(mac);
    }
  });

  it("P14.05 P14.08 P14.10 P14.17 what nobody here consumes is ignored", ({ bed }) => {
    const runtimeConfig = {
      dns: { searches: ["a"], servers: ["192.0.2.53"], options: [] },
      infinibandGUID: "c2:11:22:33:44:55:66:77",
      aliases: ["a", "b"],
      cgroupPath: "/x",
      portMappings: [{ hostPort: 80, containerPort: 80, protocol: "tcp" }],
      bandwidth: { ingressRate: 1 },
      deviceID: "0000:00:1f.6",
    };
    const run = bed.add("bridge", bed.container(), { ...network, runtimeConfig });
    expect(run).toSucceed();
    expect(run.json).not.toHaveProperty("dns.nameservers");
  });
});

describe("P14 args in the configuration", () => {
  it("P14.11 args.cni.ips asks for addresses", ({ bed }) => {
    const asked = { ...config, args: { cni: { ips: ["10.1.2.50/24"] }, other: 7 } };
    expect(bed.add("host-local", bed.container(), asked).result.ips).toMatchObject([
      { address: "10.1.2.50/24" },
    ]);
  });

  it("P14.12 goes before the IP of CNI_ARGS", ({ bed }) => {
    const asked = { ...config, args: { cni: { ips: ["10.1.2.50"] } } };
    const run = bed.add("host-local", bed.container(), asked, { args: "IP=10.1.2.60" });
    expect(run.result.ips).toMatchObject([{ address: "10.1.2.50/24" }]);
  });

  it("P14.16 a hardware address: runtimeConfig, then args.cni, then CNI_ARGS", ({ bed }) => {
    const [a, b, c] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"];
    const inArgs = { args: { cni: { mac: b } } };
    const inRuntime = { ...inArgs, runtimeConfig: { mac: a } };
    for (const [more, mac] of [
      [inRuntime, a],
      [inArgs, b],
      [{}, c],
    ] as const) {
      const box = bed.container();
      const run = bed.add("bridge", box, { ...network, ...more }, { args: `MAC=${c}` });
      expect(run.result.interfaces[2]?.mac).toBe(mac);
    }
  });
});

describe("P14 CNI_ARGS", () => {
  it("P14.13 IP asks for an address", ({ bed }) => {
    const run = bed.add("host-local", bed.container(), config, { args: "IP=10.1.2.9" });
    expect(run.result.ips).toMatchObject([{ address: "10.1.2.9/24" }]);
  });

  it("P14.13 MAC gives the hardware address", ({ bed }) => {
    const box = bed.container();
    bed.add("bridge", box, bridgeWith({ type: "host-local", subnet: "10.1.2.0/24" }), {
      args: "MAC=02:00:00:00:00:07",
    }).result;
    expect(box.link("eth0").address).toBe("02:00:00:00:00:07");
  });

  it.for(["", "IgnoreUnknown=true;FOO=1", "FOO=1;IgnoreUnknown=1", "IgnoreUnknown=TRUE;FOO=1"])(
    "P14.14 %j is accepted",
    (args, { bed }) => {
      const run = bed.add("bridge", bed.container(), network, { args });
      expect(run).toSucceed();
    },
  );

  const refused = [
    ["FOO=1", "FOO"],
    ["ip=10.1.2.9", "ip"],
    ["IgnoreUnknown=0;FOO=1", "FOO"],
    ["FOO", "FOO"],
    ["IP=10.1.2.9;FOO", "FOO"],
    ["IgnoreUnknown=1;A=B=C", "A=B=C"],
    ["IgnoreUnknown=maybe", "maybe"],
    ["IP=10.1.2.300", "10.1.2.300"],
    ["IP=10.1.2.9;", ""],
  ] as const;
  it.for(refused)("P14.14 %j is an error that names %j", ([args, named], { bed }) => {
    for (const [program, network] of [
      ["host-local", config],
      ["bridge", bridge("10.1.2.0/24")],
    ] as const) {
      const box = bed.container();
      const before = bed.snapshot();
      const { error } = bed.add(program, box, network, { args });
      expect(error.msg).toContain("CNI_ARGS");
      expect(`${error.msg} ${error.details}`).toContain(named);
      expect(bed.leftovers(before, sharedBy(network))).toEqual([]);
    }
  });

  it.for(["FOO=1", "FOO", "IP=nonsense", "MAC=nonsense"])(
    "P14.14 %j does not keep DEL from its work",
    (args, { bed }) => {
      const box = bed.container();
      bed.add("bridge", box, network).result;
      const run = bed.del("bridge", box, network, { args });
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
      expect(box.links()).toEqual(["lo"]);
    },
  );

  it("P14.15 keys of other plugins of the same call are no error", ({ bed }) => {
    const args = "IP=10.1.2.9;MAC=02:00:00:00:00:07;GATEWAY=10.1.2.1;K8S_POD_NAME=p;K8S_POD_UID=u";
    const { ips, interfaces } = bed.add("bridge", bed.container(), network, { args }).result;
    expect(ips).toMatchObject([{ address: "10.1.2.9/24" }]);
    expect(interfaces[2]?.mac).toBe("02:00:00:00:00:07");
  });

  it("P14.14 loopback does not read them", ({ bed }) => {
    const lo = { cniVersion: "1.1.0", name: "lo", type: "loopback" };
    const run = bed.add("loopback", bed.container(), lo, { args: "FOO" });
    expect(run).toSucceed();
  });
});
