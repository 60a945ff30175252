/** ipvlan: its modes, a master that the plugin before it has made, packets. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";

const onIpvlan = needs("ipvlan");

/** Addresses of the subnet in which `bed.outside()` has the neighbour 203.0.113.2. */
const ranges = [
  [{ subnet: "203.0.113.0/24", rangeStart: "203.0.113.10" }],
  [{ subnet: "2001:db8:ffff::/64", rangeStart: "2001:db8:ffff::10" }],
];
const base = { cniVersion: "1.1.0", name: "net", type: "ipvlan" };
const config: Config = { ...base, master: "uplink", ipam: { type: "host-local", ranges } };

function attach(bed: Bed, more: Config = {}): { readonly box: Container; readonly ended: Config } {
  const box = bed.container();
  const prevResult = bed.add("ipvlan", box, { ...config, ...more }).result;
  return { box, ended: { ...config, ...more, prevResult } };
}

describe("modes", () => {
  onIpvlan.for([
    [undefined, "l2"],
    ["", "l2"],
    ["l2", "l2"],
    ["l3", "l3"],
    ["l3s", "l3s"],
  ] as const)("%j is mode %s, and no private or vepa one", ([mode, seen], { bed }) => {
    bed.outside();
    const { box, ended } = attach(bed, { mode });
    expect(box.link("eth0").linkinfo).toEqual({
      info_kind: "ipvlan",
      info_data: { mode: seen, bridge: true },
    });
    expect(bed.check("ipvlan", box, ended)).toSucceed();
  });

  it("are refused by name where they are none, and nothing is changed", ({ bed }) => {
    bed.outside();
    const box = bed.container();
    const before = bed.snapshot();
    for (const mode of ["L2", "l4", "bridge", 2]) {
      for (const command of ["ADD", "CHECK", "STATUS"]) {
        const call = { command, container: box, config: { ...config, mode } };
        const { error } = bed.exec("ipvlan", call);
        expect([mode, command, error.code]).toEqual([mode, command, 7]);
        expect(error.msg).toContain("mode");
      }
    }
    expect(bed.leftovers(before)).toEqual([]);
  });

  onIpvlan("are the master's: CHECK finds one that another network has changed", ({ bed }) => {
    bed.outside();
    const { box, ended } = attach(bed);
    attach(bed, { name: "other", mode: "l3", ipam: { type: "host-local", subnet: "10.1.2.0/24" } });
    const { error } = bed.check("ipvlan", box, ended);
    expect(error.code).toBe(104);
    expect(error.msg).toContain("l2");
    expect(error.msg).toContain("l3");
  });
});

describe("packets", () => {
  onIpvlan("of two containers in mode l2 reach each other and the neighbour", ({ bed }) => {
    const outside = bed.outside();
    const [{ box: one }, { box: two }] = [attach(bed), attach(bed)];
    expect(one.link("eth0").address).toBe(bed.host.link("uplink").address);
    expect(two.link("eth0").address).toBe(bed.host.link("uplink").address);
    expect(
      one.pingAll(["203.0.113.11", "203.0.113.2", "2001:db8:ffff::11", "2001:db8:ffff::2"]),
    ).toEqual([true, true, true, true]);
    expect(outside.pingAll(["203.0.113.10", "2001:db8:ffff::11"])).toEqual([true, true]);
  });

  onIpvlan.for(["l3", "l3s"])("of mode %s are routed by the host's side", (mode, { bed }) => {
    const outside = bed.outside();
    outside.sh("ip route add 10.1.0.0/16 via 203.0.113.1");
    const subnet = (number: number) => ({
      type: "host-local",
      subnet: `10.1.${number}.0/24`,
      routes: [{ dst: "0.0.0.0/0", scope: 253 }],
    });
    const { box: one } = attach(bed, { mode, ipam: subnet(2) });
    const { box: two } = attach(bed, { mode, name: "next", ipam: subnet(3) });
    expect(one.pingAll(["10.1.3.2", "203.0.113.2"])).toEqual([true, true]);
    expect(two.pingAll(["10.1.2.2", "203.0.113.2"])).toEqual([true, true]);
  });
});

onIpvlan(
  "an address that another link above the master has is refused, and taken back",
  ({ bed }) => {
    bed.outside();
    attach(bed);
    const box = bed.container();
    const before = bed.snapshot();
    const { error } = bed.add("ipvlan", box, { ...config, name: "other" });
    expect(error.code).toBe(100);
    expect(error.msg).toContain("203.0.113.10");
    expect(bed.leftovers(before, sharedBy({ ...config, name: "other" }))).toEqual([]);
  },
);

onIpvlan.for([
  ["has macvlans", 103, "uplink", /macvlan "mac0"/, "ip link add link uplink mac0 type macvlan"],
  [
    "is a port of a bridge",
    103,
    "uplink",
    /port of bridge "br7"/,
    "ip link add name br7 type bridge && ip link set uplink master br7",
  ],
  ["is an ipvlan", 50, "ip0", /above "uplink"/, "ip link add link uplink ip0 up type ipvlan"],
] as const)("a master is refused that %s", ([, code, master, words, script], { bed }) => {
  bed.outside();
  bed.host.sh(script);
  const box = bed.container();
  const before = bed.snapshot();
  const { error } = bed.add("ipvlan", box, { ...config, master });
  expect(error.code).toBe(code);
  expect(error.msg).toMatch(words);
  expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
});

describe("a master that the plugin before it has made", () => {
  const before = { cniVersion: "1.1.0", interfaces: [{ name: "uplink" }] };
  const { master: _, ...chained } = config;

  onIpvlan("is taken where none is named, by ADD, CHECK and DEL", ({ bed }) => {
    bed.outside();
    const box = bed.container();
    const machine = bed.snapshot();
    const added = bed.add("ipvlan", box, { ...chained, prevResult: before }).result;
    expect(box.link("eth0").link_index).toBe(bed.host.link("uplink").ifindex);
    expect(added.interfaces.map(({ name }) => name)).toContain("eth0");
    const ended = { ...chained, prevResult: added };
    expect(bed.check("ipvlan", box, ended)).toSucceed();
    expect(bed.del("ipvlan", box, ended)).toSucceed();
    expect(bed.leftovers(machine, sharedBy(config))).toEqual([]);
  });

  onIpvlan("may have given addresses, which the link gets where there is no IPAM", ({ bed }) => {
    bed.outside();
    const box = bed.container();
    const ips = [{ address: "203.0.113.77/24", gateway: "203.0.113.2" }];
    const prevResult = { ...before, ips, routes: [{ dst: "0.0.0.0/0" }] };
    const { ipam: __, ...without } = chained;
    const added = bed.add("ipvlan", box, { ...without, prevResult }).result;
    expect(box.addresses("eth0")).toEqual(["203.0.113.77/24"]);
    expect(box.routes()).toContain("default via 203.0.113.2 dev eth0");
    const index = added.interfaces.findIndex(({ name }) => name === "eth0");
    expect(added.ips).toMatchObject([{ address: "203.0.113.77/24", interface: index }]);
    expect(box.ping("203.0.113.2")).toBe(true);
    const ended = { ...without, prevResult: added };
    expect(bed.check("ipvlan", box, ended)).toSucceed();
    expect(bed.del("ipvlan", box, ended)).toSucceed();
    expect(box.links()).toEqual(["lo"]);
  });

  onIpvlan.for([
    ["there are two", [{ name: "uplink" }, { name: "uplink0" }]],
    ["there is none", []],
  ] as const)("is not guessed where %s", ([, interfaces], { bed }) => {
    bed.outside();
    const box = bed.container();
    const machine = bed.snapshot();
    const prevResult = { ...before, interfaces };
    const { error } = bed.add("ipvlan", box, { ...chained, prevResult });
    expect(error.code).toBe(7);
    expect(error.msg).toContain("master");
    expect(bed.leftovers(machine, sharedBy(config))).toEqual([]);
  });
});
