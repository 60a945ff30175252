/** static: the addresses that somebody names, and no other; nothing is kept of it. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { allVersions } from "../bed/configs.ts";
import type { Config, RunOptions } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";

const addresses = [
  { address: "10.1.2.5/24", gateway: "10.1.2.1" },
  { address: "fd00:1::5/64", gateway: "fd00:1::1" },
];
const routes = [
  { dst: "0.0.0.0/0" },
  { dst: "192.0.2.0/24", gw: "10.1.2.9", mtu: 1400, advmss: 1360, priority: 50, table: 77 },
  { dst: "2001:db8::/32", scope: 0 },
];
const dns = { nameservers: ["10.1.2.1"], domain: "example", search: ["a", "b"], options: ["x:1"] };

const withIpam = (ipam: Config): Config => ({
  cniVersion: "1.1.0",
  name: "net",
  type: "static",
  ipam: { type: "static", ...ipam },
});
const config = withIpam({ addresses, routes, dns });
const args = (text: string): RunOptions => ({ env: { CNI_ARGS: text } });

const add = (bed: Bed, more: Config = {}, options?: RunOptions) =>
  bed.add("static", bed.container(), { ...config, ...more }, options);
const given = (bed: Bed, more: Config = {}, options?: RunOptions) =>
  add(bed, more, options).result.ips;

describe("ADD", () => {
  it("tells what is configured, with every attribute, and keeps nothing", ({ bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const told = bed.add("static", box, config).json;
    expect(told).toEqual({ cniVersion: "1.1.0", ips: addresses, routes, dns });
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for(allVersions)("answers in version %s", (cniVersion, { bed }) => {
    const result = add(bed, { cniVersion }).json;
    for (const { address } of addresses) expect(JSON.stringify(result)).toContain(address);
    expect(result).toMatchObject({ cniVersion });
  });

  it("needs no address: what asks for one says so itself", ({ bed }) => {
    expect(add(bed, withIpam({})).result).toMatchObject({ cniVersion: "1.1.0" });
    const bridge = { ...withIpam({}), type: "bridge", bridge: "br0" };
    const refused = bed.add("bridge", bed.container(), bridge);
    expect(refused.exitCode).toBe(1);
    expect(refused.error.msg).toContain("static");
  });

  it("gives the same addresses to whoever asks, since nobody else decides", ({ bed }) => {
    expect(given(bed)).toEqual(given(bed));
  });
});

describe("whose addresses count", () => {
  const runtime = { runtimeConfig: { ips: ["10.1.2.7/24", "fd00:1::7/64"] } };
  const byArgs = { args: { cni: { ips: ["10.1.2.8/25"] } } };

  it("the runtime's before those of args, both in the place of all others", ({ bed }) => {
    const fromRuntime = [{ address: "10.1.2.7/24" }, { address: "fd00:1::7/64" }];
    expect(given(bed, { ...runtime, ...byArgs }, args("IP=10.1.2.9/24"))).toEqual(fromRuntime);
    expect(given(bed, byArgs, args("IP=10.1.2.9/24"))).toEqual([{ address: "10.1.2.8/25" }]);
  });

  it("those of CNI_ARGS after the configured ones, with the gateways of their subnets", ({
    bed,
  }) => {
    const text = "IP=10.3.0.9/24,fd00:3::9/64,10.4.0.9/24;GATEWAY=fd00:3::1,10.3.0.1,10.1.2.99";
    expect(given(bed, {}, args(text))).toEqual([
      ...addresses,
      { address: "10.3.0.9/24", gateway: "10.3.0.1" },
      { address: "fd00:3::9/64", gateway: "fd00:3::1" },
      { address: "10.4.0.9/24" },
    ]);
  });

  it("each once, however often and however it is spelled", ({ bed }) => {
    const spelled = args("IP=10.1.2.5/24,FD00:0001:0::5/64");
    expect(given(bed, {}, spelled)).toEqual(addresses);
    const twice = { runtimeConfig: { ips: ["10.1.2.7/24", "10.1.2.7/24"] } };
    expect(given(bed, twice)).toEqual([{ address: "10.1.2.7/24" }]);
  });
});

describe("refused is", () => {
  const cases: readonly [why: string, more: Config, path: string, options?: RunOptions][] = [
    [
      "an address without prefix length",
      withIpam({ addresses: [{ address: "10.1.2.3" }] }),
      "ipam.addresses[0].address",
    ],
    [
      "one that is none",
      withIpam({ addresses: [{ address: "10.1.2.300/24" }] }),
      "ipam.addresses[0].address",
    ],
    ["no address", withIpam({ addresses: [{ gateway: "10.1.2.1" }] }), "ipam.addresses[0]"],
    [
      "a gateway of the other family",
      withIpam({ addresses: [{ address: "10.1.2.3/24", gateway: "fd00::1" }] }),
      "ipam.addresses[0].gateway",
    ],
    [
      "a gateway that is none",
      withIpam({ addresses: [{ address: "10.1.2.3/24", gateway: "gw" }] }),
      "ipam.addresses[0].gateway",
    ],
    ["a route to nowhere", withIpam({ routes: [{ gw: "10.1.2.1" }] }), "ipam.routes[0]"],
    [
      "a route's gateway that is none",
      withIpam({ routes: [{ dst: "::/0", gw: "x" }] }),
      "ipam.routes[0].gw",
    ],
    [
      "an address of the runtime without prefix length",
      { runtimeConfig: { ips: ["10.1.2.7"] } },
      "runtimeConfig.ips[0]",
    ],
    [
      "an address of args without prefix length",
      { args: { cni: { ips: ["10.1.2.7/24", "10.1.2.8"] } } },
      "args.cni.ips[1]",
    ],
    ["an address of CNI_ARGS without prefix length", {}, "CNI_ARGS IP[0]", args("IP=10.1.2.9")],
    [
      "a gateway of CNI_ARGS that is none",
      {},
      "CNI_ARGS GATEWAY[0]",
      args("IP=10.1.2.9/24;GATEWAY=gw"),
    ],
  ];

  it.for(cases)("%s", ([_why, more, path, options], { bed }) => {
    const { error } = add(bed, more, options);
    expect(error.code).toBe(7);
    expect(error.msg).toContain(path);
    const { exitCode } = bed.del("static", bed.container(), { ...config, ...more }, options);
    expect(exitCode).toBe(0);
  });

  it("more than one address of a family where results have no room for it", ({ bed }) => {
    const old = { cniVersion: "0.2.0" };
    expect(add(bed, old, args("IP=10.1.2.9/24")).error.msg).toContain(
      "more than 1 address per family",
    );
    const two = withIpam({ addresses: [...addresses, { address: "10.1.2.6/24" }] });
    expect(add(bed, { ...two, ...old }).error.code).toBe(7);
  });
});

describe("CHECK", () => {
  it("is content with what ADD told, in any spelling and among others", ({ bed }) => {
    const prevResult = {
      cniVersion: "1.1.0",
      ips: [
        { address: "198.51.100.7/24" },
        { address: "fd00:1:0::5/64", gateway: "fd00:1:0:0::1" },
        { address: "10.1.2.5/24", gateway: "10.1.2.1" },
      ],
    };
    expect(bed.check("static", bed.container(), { ...config, prevResult })).toSucceed();
  });

  it.for([
    ["an address is missing", [addresses[0]], "fd00:1::5/64 is not in the result"],
    ["its length is another", [{ address: "10.1.2.5/16" }, addresses[1]], "10.1.2.5/24 is not"],
    [
      "its gateway is another",
      [{ address: "10.1.2.5/24", gateway: "10.1.2.2" }, addresses[1]],
      "10.1.2.5/24 should have gateway 10.1.2.1, found 10.1.2.2",
    ],
    ["its gateway is missing", [{ address: "10.1.2.5/24" }, addresses[1]], "found none"],
  ] as const)("fails if %s", ([_why, ips, words], { bed }) => {
    const prevResult = { cniVersion: "1.1.0", ips };
    const { error } = bed.check("static", bed.container(), { ...config, prevResult });
    expect(error.code).toBe(104);
    expect(error.msg).toContain(words);
  });
});

describe("behind bridge", () => {
  const spread = withIpam({
    addresses,
    routes: [
      { dst: "192.0.2.0/24", gw: "10.1.2.8" },
      { dst: "192.0.2.0/24", gw: "10.1.2.9" },
      { dst: "192.0.2.0/24", gw: "10.1.2.9" },
      { dst: "192.0.2.0/24", gw: "10.1.2.7", priority: 9 },
      { dst: "2001:db8::/32", gw: "fd00:1::8" },
      { dst: "2001:db8::/32", gw: "fd00:1::9" },
    ],
  });
  const bridge: Config = { ...spread, type: "bridge", bridge: "br0", isGateway: true };

  it("several gateways of one destination share what is sent", ({ bed }) => {
    const box = bed.container();
    const prevResult = bed.add("bridge", box, bridge).result;
    const routesTo = (family: string, to: string) =>
      (JSON.parse(box.sh(`ip ${family} -j route show ${to}`)) as readonly object[]).toSorted();
    expect(routesTo("-4", "192.0.2.0/24 metric 0")).toMatchObject([
      { nexthops: [{ gateway: "10.1.2.8" }, { gateway: "10.1.2.9" }] },
    ]);
    expect(routesTo("-4", "192.0.2.0/24 metric 9")).toMatchObject([{ gateway: "10.1.2.7" }]);
    expect(routesTo("-6", "2001:db8::/32")).toMatchObject([
      { nexthops: [{ gateway: "fd00:1::8" }, { gateway: "fd00:1::9" }] },
    ]);
    expect(bed.check("bridge", box, { ...bridge, prevResult })).toSucceed();
    box.sh("ip route replace 192.0.2.0/24 via 10.1.2.8");
    const { error } = bed.check("bridge", box, { ...bridge, prevResult });
    expect(error.msg).toContain("192.0.2.0/24 via 10.1.2.9");
  });

  it("asks for what the runtime named on DEL and CHECK as well", ({ bed }) => {
    const box = bed.container();
    const asked = { ipam: { type: "static" }, runtimeConfig: { ips: ["10.1.2.7/24"] } };
    const config = { ...bridge, ...asked };
    const before = bed.snapshot();
    const prevResult = bed.add("bridge", box, config).result;
    expect(box.addresses("eth0")).toEqual(["10.1.2.7/24"]);
    expect(bed.check("bridge", box, { ...config, prevResult })).toSucceed();
    for (const _turn of [1, 2]) expect(bed.del("bridge", box, config)).toSucceed();
    expect(bed.leftovers(before).filter((line) => line.includes(box.name))).toEqual([]);
  });
});

describe("GC and STATUS", () => {
  it("have nothing to do", ({ bed }) => {
    expect(bed.gc("static", { ...config, "cni.dev/valid-attachments": [] })).toSucceed();
    expect(bed.status("static", config)).toSucceed();
    expect(bed.status("static", withIpam({ addresses: [{ address: "x" }] })).error.code).toBe(7);
  });
});
