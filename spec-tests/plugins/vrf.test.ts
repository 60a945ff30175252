/** vrf: the container's link in a VRF of the container. Most of it needs a kernel with such devices. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { tableLines } from "../bed/routing.ts";
import { attached, base, blue, connected, network, tableOf } from "../bed/vrf.ts";

const onVrf = needs("vrf");
const onKernelWithout = needs("a kernel without vrf");

/** What is left but for the rule that the kernel makes with the first VRF, and keeps. */
function leftovers(bed: Bed, before: ReturnType<Bed["snapshot"]>): readonly string[] {
  return bed.leftovers(before).filter((line) => !line.includes("l3mdev"));
}

describe("ADD", () => {
  onVrf("makes the VRF, in which the link keeps its addresses and its routes", ({ bed }) => {
    const routes = [{ dst: "192.0.2.0/24", gw: "10.1.2.9" }];
    const { box } = attached(bed, {}, { routes });
    expect(box.link("eth0")).toMatchObject({ master: "blue" });
    expect(box.link("blue")).toMatchObject({ ifalias: "weft-vrf" });
    expect(tableOf(box)).toBe(1);
    expect(box.addresses("eth0")).toEqual(["10.1.2.2/24", "fd00:2::2/64"]);
    const lines = tableLines(box, "1").join("\n");
    for (const line of [
      "default via 10.1.2.1 dev eth0",
      "192.0.2.0/24 via 10.1.2.9 dev eth0",
      "10.1.2.0/24 dev eth0",
      "default via fd00:2::1 dev eth0",
      "fd00:2::/64 dev eth0",
    ]) {
      expect(lines).toContain(line);
    }
    expect(tableLines(box, "main").join("\n")).not.toContain("eth0");
  });

  onVrf("leaves a link by which others are reached at once", ({ bed }) => {
    const { box } = attached(bed);
    expect(box.sh("ip -6 address show dev eth0 tentative")).toBe("");
    for (const address of ["10.1.2.1", "fd00:2::1"]) {
      box.until(`ping -n -q -c 1 -W 1 -I eth0 ${address}`);
    }
  });

  onVrf("P13.01 prints the result before it as it was", ({ bed }) => {
    const { box, prevResult } = connected(bed);
    const run = bed.add("vrf", box, { ...blue, prevResult });
    expect(run.json).toEqual(JSON.parse(JSON.stringify(prevResult)));
  });

  onVrf("a second time changes nothing", ({ bed }) => {
    const { box, prevResult } = attached(bed);
    const before = bed.snapshot();
    bed.add("vrf", box, { ...blue, prevResult }).result;
    expect(bed.leftovers(before)).toEqual([]);
  });

  onVrf("finds a table that no rule leads to, and in which nothing is", ({ bed }) => {
    const { box, prevResult } = connected(bed);
    box.sh(`
      ip rule add from 192.0.2.1 lookup 1
      ip link set lo up
      ip -6 route add 2001:db8::/64 dev lo table 2
      ip link add red type vrf table 3`);
    bed.add("vrf", box, { ...blue, prevResult }).result;
    expect(tableOf(box)).toBe(4);
  });

  onVrf("takes the configured table", ({ bed }) => {
    const { box } = attached(bed, { table: 7000 });
    expect(tableOf(box)).toBe(7000);
    expect(tableLines(box, "7000").join("\n")).toContain("default via 10.1.2.1 dev eth0");
  });

  onVrf("a second link comes to the VRF that is there", ({ bed }) => {
    const { box } = attached(bed, { table: 9 });
    const second = bed.add("bridge", box, network(3), { ifName: "eth1" }).result;
    bed.add("vrf", box, { ...blue, prevResult: second }, { ifName: "eth1" }).result;
    expect(box.link("eth1")).toMatchObject({ master: "blue" });
    expect(box.links().filter((name) => name === "blue")).toHaveLength(1);
  });

  onVrf.for([
    [
      "a VRF of another table",
      "ip link add blue type vrf table 5",
      { table: 6 },
      ["blue", "5", "6"],
    ],
    ["a table of another VRF", "ip link add red type vrf table 6", { table: 6 }, ["red", "6"]],
  ] as const)("refuses %s, and leaves nothing", ([, script, own, words], { bed }) => {
    const { box, prevResult } = connected(bed);
    box.sh(script);
    const before = bed.snapshot();
    const { error } = bed.add("vrf", box, { ...blue, ...own, prevResult });
    expect(error.code).toBe(103);
    for (const word of words) expect(error.msg).toContain(word);
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("refuses a link of another kind that has the name, and leaves it", ({ bed }) => {
    const { box, prevResult } = connected(bed);
    box.sh("ip link add blue type bridge");
    const before = bed.snapshot();
    const { error } = bed.add("vrf", box, { ...blue, prevResult });
    expect(error.code).toBe(103);
    expect(error.msg).toContain('"blue"');
    expect(error.msg).toContain("bridge");
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("refuses a link that has a master already, and names that", ({ bed }) => {
    const { box, prevResult } = connected(bed);
    box.sh("ip link add br7 type bridge && ip link set eth0 master br7");
    const before = bed.snapshot();
    const { error } = bed.add("vrf", box, { ...blue, prevResult });
    expect(error.code).toBe(103);
    expect(error.msg).toContain('"br7"');
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("P13.07 needs the link, and a result", ({ bed }) => {
    const box = bed.container();
    expect(bed.add("vrf", box, blue).error.code).toBe(7);
    const prevResult = { cniVersion: "1.0.0", ips: [{ address: "10.1.2.2/24" }] };
    const { error } = bed.add("vrf", box, { ...blue, prevResult });
    expect(error.code).toBe(100);
    expect(error.msg).toContain('"eth0"');
    expect(box.links()).toEqual(["lo"]);
  });

  onKernelWithout("says what the kernel lacks, and leaves nothing", ({ bed }) => {
    const { box, prevResult } = connected(bed);
    const before = bed.snapshot();
    const { error } = bed.add("vrf", box, { ...blue, prevResult });
    expect(error.code).toBe(100);
    expect(error.msg).toContain("no links of kind vrf");
    expect(bed.leftovers(before)).toEqual([]);
  });
});

describe("options", () => {
  it.for([
    [{ vrfname: undefined }, "vrfname"],
    [{ vrfname: "" }, "vrfname"],
    [{ vrfname: "sixteen-bytes-xx" }, "vrfname"],
    [{ vrfname: "../up" }, "vrfname"],
    [{ vrfname: "blue%d" }, "vrfname"],
    [{ vrfname: 7 }, "vrfname"],
    [{ table: 254 }, "table"],
    [{ table: 4294967296 }, "table"],
    [{ table: -1 }, "table"],
  ] as const)("%j is refused", ([own, word], { bed }) => {
    const { box, prevResult } = connected(bed);
    const before = bed.snapshot();
    for (const command of ["ADD", "CHECK", "STATUS"]) {
      const call = { command, container: box, config: { ...blue, ...own, prevResult } };
      const { error } = bed.exec("vrf", call);
      expect(error.code).toBe(7);
      expect(error.msg).toContain(word);
    }
    expect(bed.leftovers(before)).toEqual([]);
  });
});

describe("CHECK", () => {
  onVrf("is content after ADD, as that of the whole list", ({ bed }) => {
    const box = bed.container();
    const routes = [{ dst: "192.0.2.0/24", gw: "10.1.2.9" }, { dst: "0.0.0.0/0" }];
    const chain = new Chain(bed, [network(2, { routes }), { ...blue, table: 12 }]);
    const result = chain.add(box);
    const before = bed.snapshot();
    for (const run of chain.check(box, result)) expect(run).toSucceed();
    expect(bed.leftovers(before)).toEqual([]);
  });

  onVrf.for([
    ["ip link set eth0 nomaster", "not in VRF"],
    ["ip link set blue down", "down"],
    ["ip link delete blue", "no VRF"],
    ["ip address delete 10.1.2.2/24 dev eth0", "10.1.2.2/24"],
    ["ip address delete fd00:2::2/64 dev eth0", "fd00:2::2/64"],
    ["ip route delete 192.0.2.0/24 table 1", "192.0.2.0/24"],
    ["ip link delete blue; ip link add blue type bridge", "no VRF"],
  ] as const)("misses %j", ([script, words], { bed }) => {
    const routes = [{ dst: "192.0.2.0/24", gw: "10.1.2.9" }];
    const { box, prevResult } = attached(bed, {}, { routes });
    box.sh(script);
    const { error } = bed.check("vrf", box, { ...blue, prevResult });
    expect(error.code).toBe(104);
    expect(error.msg).toContain(words);
  });

  onVrf("misses the configured table", ({ bed }) => {
    const { box, prevResult } = attached(bed, { table: 9 });
    const { error } = bed.check("vrf", box, { ...blue, table: 10, prevResult });
    expect(error).toMatchObject({ code: 104, msg: expect.stringContaining("table 10, found 9") });
  });

  it("misses the VRF, and the link", ({ bed }) => {
    const { box, prevResult } = connected(bed);
    const { error } = bed.check("vrf", box, { ...blue, prevResult });
    expect(error).toMatchObject({ code: 104, msg: expect.stringContaining('no VRF "blue"') });
    box.sh("ip link delete eth0");
    expect(bed.check("vrf", box, { ...blue, prevResult }).error.code).toBe(104);
  });
});

describe("DEL", () => {
  onVrf.for([
    ["with the result", blue, true],
    ["without the result", blue, false],
    ["without a name", { ...blue, vrfname: undefined }, false],
  ] as const)("makes the link what it was, %s", ([, config, isKnown], { bed }) => {
    const { box, prevResult } = connected(bed);
    const before = bed.snapshot();
    bed.add("vrf", box, { ...blue, prevResult }).result;
    const known = isKnown ? { prevResult } : {};
    for (const _ of ["once", "twice"]) {
      expect(bed.del("vrf", box, { ...config, ...known })).toSucceed();
      expect(leftovers(bed, before)).toEqual([]);
    }
  });

  onVrf("takes the VRF away with its last link, and not before", ({ bed }) => {
    const { box } = attached(bed);
    const second = bed.add("bridge", box, network(3), { ifName: "eth1" }).result;
    bed.add("vrf", box, { ...blue, prevResult: second }, { ifName: "eth1" }).result;
    expect(bed.del("vrf", box, blue)).toSucceed();
    expect(box.link("eth1")).toMatchObject({ master: "blue" });
    expect(tableLines(box, "1").join("\n")).toContain("default via 10.1.3.1 dev eth1");
    expect(bed.del("vrf", box, blue, { ifName: "eth1" })).toSucceed();
    expect(box.links()).not.toContain("blue");
  });

  onVrf("takes the VRF away where the link is gone", ({ bed }) => {
    const { box } = attached(bed);
    box.sh("ip link delete eth0");
    expect(bed.del("vrf", box, blue)).toSucceed();
    expect(box.links()).not.toContain("blue");
  });

  onVrf("touches no other pod to which a stale path leads", ({ bed }) => {
    const { box: dead } = attached(bed);
    const { box: victim } = attached(bed);
    expect(bed.del("vrf", dead, blue, { env: { CNI_NETNS: victim.netns } })).toSucceed();
    expect(victim.link("eth0")).toMatchObject({ master: "blue" });
  });

  onVrf("leaves a VRF that others made", ({ bed }) => {
    const { box, prevResult } = connected(bed);
    box.sh("ip link add blue type vrf table 5 && ip link set blue up");
    bed.add("vrf", box, { ...blue, prevResult }).result;
    expect(box.link("eth0")).toMatchObject({ master: "blue" });
    expect(bed.del("vrf", box, blue)).toSucceed();
    expect(box.link("eth0").master).toBeUndefined();
    expect(tableOf(box)).toBe(5);
  });

  it.for([
    {},
    { vrfname: "" },
    { vrfname: "../../x" },
    { vrfname: "a-name-that-no-link-can-have", table: -7 },
  ])("P8.10 never fails for what only ADD needs: %j", (own, { bed }) => {
    const { box, prevResult } = connected(bed);
    const before = bed.snapshot();
    for (const known of [{}, { prevResult }]) {
      const config = { ...base, type: "vrf", ...own, ...known };
      expect(bed.del("vrf", box, config)).toSucceed();
    }
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("touches no link of another kind that has the name, nor its ports", ({ bed }) => {
    const { box, prevResult } = connected(bed);
    box.sh("ip link add blue type bridge && ip link set eth0 master blue");
    const before = bed.snapshot();
    for (const config of [blue, { ...blue, vrfname: undefined }, { ...blue, prevResult }]) {
      expect(bed.del("vrf", box, config)).toSucceed();
    }
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for(["", "/run/netns/gone"])("needs no namespace: %j", (netns, { bed }) => {
    const box = bed.container();
    expect(bed.del("vrf", box, blue, { env: { CNI_NETNS: netns } })).toSucceed();
  });
});

describe("GC and STATUS", () => {
  it("GC has nothing on the host, and touches no container", ({ bed }) => {
    connected(bed);
    const before = bed.snapshot();
    expect(bed.gc("vrf", { ...blue, "cni.dev/valid-attachments": [] })).toSucceed();
    expect(bed.leftovers(before)).toEqual([]);
  });

  onVrf("STATUS is ready", ({ bed }) => {
    expect(bed.status("vrf", blue)).toSucceed();
  });

  onKernelWithout("STATUS is code 50 and says what the kernel lacks", ({ bed }) => {
    const { error } = bed.status("vrf", blue);
    expect(error.code).toBe(50);
    expect(error.msg).toContain("vrf");
  });
});
