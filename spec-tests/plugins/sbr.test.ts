/** sbr: what comes from a link's addresses goes by routes of that link. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { ruleLines, tableLines } from "../bed/routing.ts";

const base = { cniVersion: "1.1.0", name: "net" };
const sbr: Config = { ...base, type: "sbr" };

/** A network behind a bridge whose number tells its subnets apart. */
function network(number: number, more: Config = {}): Config {
  const ranges = [[{ subnet: `10.1.${number}.0/24` }], [{ subnet: `fd00:${number}::/64` }]];
  const ipam = { type: "host-local", ranges, ...more };
  return { ...base, type: "bridge", bridge: `br${number}`, isDefaultGateway: true, ipam };
}

interface Attached {
  readonly box: Container;
  readonly chain: Chain;
  readonly result: Config;
}

/** A container behind a bridge, with sbr behind that. */
function attach(bed: Bed, own: Config = {}, more: Config = {}): Attached {
  const box = bed.container();
  const chain = new Chain(bed, [network(2, more), { ...sbr, ...own }]);
  return { box, chain, result: chain.add(box) };
}

describe("ADD", () => {
  it("gives each address a table, to which the link's routes move", ({ bed }) => {
    const { box } = attach(bed);
    expect(ruleLines(box)).toEqual(["from 10.1.2.2 lookup 100", "from fd00:2::2 lookup 101"]);
    expect(tableLines(box, "100")).toEqual([
      "10.1.2.0/24 dev eth0 src 10.1.2.2",
      "default via 10.1.2.1 dev eth0",
    ]);
    expect(tableLines(box, "101")).toEqual([
      "default via fd00:2::1 dev eth0",
      "fd00:2::/64 dev eth0",
      "fe80::/64 dev eth0",
    ]);
    expect(tableLines(box, "main")).toEqual(["fe80::/64 dev eth0"]);
  });

  it("P13.01 prints the result before it as it was", ({ bed }) => {
    const box = bed.container();
    const { result } = bed.add("bridge", box, network(2));
    const run = bed.add("sbr", box, { ...sbr, prevResult: result });
    expect(run.json).toEqual(JSON.parse(JSON.stringify(result)));
  });

  it("lets answers leave by the link that the question came by", ({ bed }) => {
    const outside = bed.outside();
    outside.sh("ip route add 10.1.0.0/16 via 203.0.113.1");
    const box = bed.container();
    bed.add("bridge", box, network(2)).result;
    const second = network(3, { routes: [] });
    const { result } = bed.add(
      "bridge",
      box,
      { ...second, isDefaultGateway: false, isGateway: true },
      { ifName: "eth1" },
    );
    bed.host.sh("sysctl -qw net.ipv4.ip_forward=1; ip link set br2 down");
    expect(outside.ping("10.1.3.2")).toBe(false);

    const run = bed.add("sbr", box, { ...sbr, prevResult: result }, { ifName: "eth1" });
    expect(run).toSucceed();
    expect(outside.ping("10.1.3.2")).toBe(true);
  });

  it("keeps several links of a container apart", ({ bed }) => {
    const box = bed.container();
    for (const [number, ifName] of [
      [2, "eth0"],
      [3, "eth1"],
    ] as const) {
      const { result } = bed.add("bridge", box, network(number), { ifName });
      bed.add("sbr", box, { ...sbr, prevResult: result }, { ifName }).result;
    }
    expect(ruleLines(box)).toEqual([
      "from 10.1.2.2 lookup 100",
      "from fd00:2::2 lookup 101",
      "from 10.1.3.2 lookup 102",
      "from fd00:3::2 lookup 103",
    ]);
    expect(tableLines(box, "102")).toEqual([
      "10.1.3.0/24 dev eth1 src 10.1.3.2",
      "default via 10.1.3.1 dev eth1",
    ]);
  });

  it("finds a table that no rule leads to, and in which nothing is", ({ bed }) => {
    const box = bed.container();
    box.sh(`
      ip rule add from 192.0.2.1 lookup 100
      ip link set lo up
      ip route add 198.51.100.0/24 dev lo table 101
      ip -6 rule add from 2001:db8::1 lookup 103`);
    const { result } = bed.add("bridge", box, network(2));
    bed.add("sbr", box, { ...sbr, prevResult: result }).result;
    expect(ruleLines(box)).toContain("from 10.1.2.2 lookup 102");
    expect(ruleLines(box)).toContain("from fd00:2::2 lookup 104");
  });

  it("a second time changes nothing", ({ bed }) => {
    const { box, result } = attach(bed);
    const before = bed.snapshot();
    bed.add("sbr", box, { ...sbr, prevResult: result }).result;
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("moves every route as it is, and DEL moves it back, also one of several next hops", ({
    bed,
  }) => {
    const box = bed.container();
    const { result } = bed.add("bridge", box, network(2));
    box.sh(`
      ip route add 198.51.100.0/24 via 10.1.2.7 metric 9 mtu 1300 advmss 1200
      ip route add 1.0.0.0/8 nexthop via 10.1.2.8 weight 2 nexthop via 10.1.2.9
      ip route add 2.0.0.0/8 via inet6 fd00:2::7 dev eth0
      ip -6 route add 2001:db8::/32 via fd00:2::7 metric 77 pref high`);
    const shown = (family: string, table: string) =>
      box.sh(`ip ${family} route show table ${table} | sed 's/ table [0-9]*//'`).trim();
    const [four, six] = [shown("-4", "main"), shown("-6", "main")];
    bed.add("sbr", box, { ...sbr, prevResult: result }).result;
    expect(shown("-4", "100")).toBe(four);
    expect(shown("-6", "101")).toBe(six);
    expect(bed.del("sbr", box, sbr)).toSucceed();
    expect([shown("-4", "main"), shown("-6", "main")]).toEqual([four, six]);
  });

  it("gives every table what is of no subnet, and leaves what leads by other links as well", ({
    bed,
  }) => {
    const box = bed.container();
    const { result } = bed.add("bridge", box, network(2));
    const second = { address: "10.1.77.2/24", interface: 2 };
    box.sh(`
      ip link add other type veth peer name far
      ip link set other up && ip address add 10.9.0.2/24 dev other
      ip address add 10.1.77.2/24 dev eth0
      ip route add 192.0.2.0/24 via 10.200.0.1 dev eth0 onlink
      ip route add 203.0.113.0/24 nexthop via 10.1.2.8 nexthop via 10.9.0.9`);
    const prevResult = { ...result, ips: [...result.ips, second] };
    bed.add("sbr", box, { ...sbr, prevResult }).result;
    const beyond = "192.0.2.0/24 via 10.200.0.1 dev eth0";
    expect(tableLines(box, "100")).toEqual([
      "10.1.2.0/24 dev eth0 src 10.1.2.2",
      beyond,
      "default via 10.1.2.1 dev eth0",
    ]);
    expect(ruleLines(box)).toContain("from 10.1.77.2 lookup 102");
    expect(tableLines(box, "102")).toEqual(["10.1.77.0/24 dev eth0 src 10.1.77.2", beyond]);
    const main = tableLines(box, "main").join("\n");
    expect(main).toContain("203.0.113.0/24");
    expect(main).toContain("10.9.0.0/24 dev other");
    expect(main).not.toContain("10.1.77.0/24");
  });

  it("several at once get a table each, and find it again", async ({ bed }) => {
    const box = bed.container();
    const calls = [2, 3, 4, 5].map((number) => {
      const ifName = `eth${number}`;
      const { result } = bed.add("bridge", box, network(number), { ifName });
      return { command: "ADD", container: box, config: { ...sbr, prevResult: result }, ifName };
    });
    for (const run of await Promise.all(calls.map((call) => bed.start("sbr", call)))) {
      expect(run).toSucceed();
    }
    for (const family of [".", ":"]) {
      const rules = ruleLines(box).filter((line) => line.includes(family));
      expect(rules).toHaveLength(calls.length);
      const tables = new Set(rules.map((line) => line.split(" ").at(-1)));
      expect(tables.size).toBe(calls.length);
    }
    const before = bed.snapshot();
    for (const call of calls) expect(bed.exec("sbr", call)).toSucceed();
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("refuses an address by which another link is chosen already", ({ bed }) => {
    const { box } = attach(bed);
    const { result } = bed.add(
      "bridge",
      box,
      { ...network(2), name: "twin", bridge: "br9" },
      { ifName: "eth1" },
    );
    const before = bed.snapshot();
    const { error } = bed.add("sbr", box, { ...sbr, prevResult: result }, { ifName: "eth1" });
    expect(error.code).toBe(103);
    expect(error.msg).toContain("10.1.2.2");
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("P13.07 needs a result with an address, and the link", ({ bed }) => {
    const box = bed.container();
    expect(bed.add("sbr", box, sbr).error).toMatchObject({ code: 7 });
    const none = { cniVersion: "1.1.0", interfaces: [{ name: "eth0", sandbox: box.netns }] };
    const { error } = bed.add("sbr", box, { ...sbr, prevResult: none });
    expect(error.code).toBe(7);
    expect(error.msg).toContain('"eth0"');
    const ips = [{ address: "10.1.2.2/24", interface: 0 }];
    const missing = bed.add("sbr", box, { ...sbr, prevResult: { ...none, ips } });
    expect(missing.error.code).toBe(100);
    expect(ruleLines(box)).toEqual([]);
  });
});

describe("options", () => {
  it("table: only rules are made, and no route is touched", ({ bed }) => {
    const { box, chain, result } = attach(bed, { table: 4000 });
    expect(ruleLines(box)).toEqual(["from 10.1.2.2 lookup 4000", "from fd00:2::2 lookup 4000"]);
    expect(tableLines(box, "4000")).toEqual([]);
    expect(box.routes()).toContain("default via 10.1.2.1 dev eth0");
    for (const run of chain.check(box, result)) expect(run).toSucceed();
    expect(bed.del("sbr", box, { ...sbr, table: 4000 })).toSucceed();
    expect(ruleLines(box)).toEqual([]);
    expect(box.routes()).toContain("default via 10.1.2.1 dev eth0");
  });

  it("table: a rule of ours to another table is in the way", ({ bed }) => {
    const { box, result } = attach(bed, { table: 4000 });
    const before = bed.snapshot();
    const { error } = bed.add("sbr", box, { ...sbr, table: 5000, prevResult: result });
    expect(error.code).toBe(103);
    expect(error.msg).toContain("4000");
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("table: the kernel's own keeps its routes, also if ADD or DEL is told of no table", ({
    bed,
  }) => {
    const { box, result } = attach(bed, { table: 254 });
    const before = tableLines(box, "main");
    expect(bed.add("sbr", box, { ...sbr, prevResult: result }).error.code).toBe(103);
    expect(tableLines(box, "main")).toEqual(before);
    expect(bed.del("sbr", box, sbr)).toSucceed();
    expect(ruleLines(box)).toEqual([]);
    expect(tableLines(box, "main")).toEqual(before);
  });

  it("gateways: come before those of the result", ({ bed }) => {
    const { box, chain, result } = attach(bed, { gateways: ["10.1.2.200", "fd00:2::200"] });
    expect(tableLines(box, "100")).toContain("default via 10.1.2.200 dev eth0");
    expect(tableLines(box, "101")).toContain("default via fd00:2::200 dev eth0");
    expect(tableLines(box, "100")).toHaveLength(2);
    for (const run of chain.check(box, result)) expect(run).toSucceed();
  });

  it("gateways: one outside of the subnet is looked for on the link", ({ bed }) => {
    const { box } = attach(bed, { gateways: ["169.254.1.1"] });
    expect(tableLines(box, "100")).toContain("default via 169.254.1.1 dev eth0");
  });

  it.for([
    [["10.1.2.1", "10.1.2.9"], "one IPv4 address"],
    [["fd00::1", "fd00::2", "10.1.2.1"], "one IPv6 address"],
    [["nonsense"], "gateways[0]"],
    [["10.1.2.0/24"], "gateways[0]"],
    ["10.1.2.1", "gateways"],
  ] as const)("gateways: %j is refused", ([gateways, words], { bed }) => {
    const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.1.2.2/24" }] };
    const { error } = bed.add("sbr", bed.container(), { ...sbr, gateways, prevResult });
    expect(error.code).toBe(7);
    expect(error.msg).toContain(words);
  });

  it("addSourceHints: subnets stay in the main table, with the address as their source", ({
    bed,
  }) => {
    const { box, chain, result } = attach(bed, { addSourceHints: true });
    expect(tableLines(box, "main")).toEqual([
      "10.1.2.0/24 dev eth0 src 10.1.2.2",
      "fd00:2::/64 dev eth0 src fd00:2::2",
      "fe80::/64 dev eth0",
    ]);
    expect(tableLines(box, "100")).toContain("default via 10.1.2.1 dev eth0");
    for (const run of chain.check(box, result)) expect(run).toSucceed();
  });
});

it("addSourceHints: a subnet's route without a source is replaced, and comes back by DEL", ({
  bed,
}) => {
  const box = bed.container();
  const { result } = bed.add("bridge", box, network(2));
  box.sh("ip route change 10.1.2.0/24 dev eth0 scope link");
  const config = { ...sbr, addSourceHints: true, prevResult: result };
  const before = bed.snapshot();
  bed.add("sbr", box, config).result;
  expect(tableLines(box, "main")).toContain("10.1.2.0/24 dev eth0 src 10.1.2.2");
  expect(tableLines(box, "100")).toContain("10.1.2.0/24 dev eth0");
  expect(bed.check("sbr", box, config)).toSucceed();
  expect(bed.del("sbr", box, config)).toSucceed();
  expect(bed.leftovers(before)).toEqual([]);
});

describe("CHECK", () => {
  it("succeeds after ADD, for the whole list", ({ bed }) => {
    const routes = [{ dst: "192.0.2.0/24", gw: "10.1.2.9" }, { dst: "0.0.0.0/0" }];
    const { box, chain, result } = attach(bed, {}, { routes });
    const before = bed.snapshot();
    for (const run of chain.check(box, result)) expect(run).toSucceed();
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("succeeds behind ptp as well, whose routes are by the gateway's own", ({ bed }) => {
    const box = bed.container();
    const { ipam } = network(2, { routes: [{ dst: "0.0.0.0/0" }] });
    const chain = new Chain(bed, [{ ...base, type: "ptp", ipam }, sbr]);
    const result = chain.add(box);
    expect(tableLines(box, "100")).toEqual([
      "10.1.2.0/24 via 10.1.2.1 dev eth0 src 10.1.2.2",
      "10.1.2.1 dev eth0 src 10.1.2.2",
      "default via 10.1.2.1 dev eth0",
    ]);
    for (const run of chain.check(box, result)) expect(run).toSucceed();
    for (const run of chain.del(box, result)) expect(run).toSucceed();
  });

  it.for([
    ["ip rule del from 10.1.2.2", "10.1.2.2"],
    ["ip -6 rule del from fd00:2::2", "fd00:2::2"],
    ["ip route del default table 100", "0.0.0.0/0"],
    ["ip route del 192.0.2.0/24 table 100", "192.0.2.0/24"],
    ["ip route flush table 100", "0.0.0.0/0"],
    ["ip route add default via 10.1.2.1 dev eth0 onlink", "main table"],
    ["ip link del eth0", "no such interface"],
  ] as const)("misses %j", ([script, words], { bed }) => {
    const routes = [{ dst: "192.0.2.0/24", gw: "10.1.2.9" }];
    const { box, result } = attach(bed, {}, { routes });
    box.sh(script);
    const { error } = bed.check("sbr", box, { ...sbr, prevResult: result });
    expect(error.code).toBe(104);
    expect(error.msg).toContain(words);
  });

  it("does not mind what the container adds itself", ({ bed }) => {
    const { box, chain, result } = attach(bed);
    box.sh("ip route add 198.51.100.0/24 dev eth0; ip rule add from 192.0.2.7 lookup 100");
    for (const run of chain.check(box, result)) expect(run).toSucceed();
  });
});

describe("DEL", () => {
  it("gives the routes back, and leaves nothing", ({ bed }) => {
    const box = bed.container();
    const { result } = bed.add("bridge", box, network(2));
    const before = bed.snapshot();
    bed.add("sbr", box, { ...sbr, prevResult: result }).result;
    expect(bed.leftovers(before)).not.toEqual([]);
    expect(bed.del("sbr", box, { ...sbr, prevResult: result })).toSucceed();
    expect(bed.leftovers(before)).toEqual([]);
    expect(bed.del("sbr", box, { ...sbr, prevResult: result })).toSucceed();
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for([{}, { addSourceHints: true }, { table: 500 }] as const)(
    "needs no result: %j",
    (own, { bed }) => {
      const box = bed.container();
      const { result } = bed.add("bridge", box, network(2));
      const before = bed.snapshot();
      bed.add("sbr", box, { ...sbr, ...own, prevResult: result }).result;
      expect(bed.del("sbr", box, { ...sbr, ...own })).toSucceed();
      expect(bed.leftovers(before)).toEqual([]);
    },
  );

  it.for([true, false])("where the link is gone; with the result: %j", (isKnown, { bed }) => {
    const { box, result } = attach(bed);
    box.sh("ip link del eth0");
    const known = isKnown ? { prevResult: result } : {};
    expect(bed.del("sbr", box, { ...sbr, ...known })).toSucceed();
    expect(ruleLines(box)).toEqual([]);
  });

  it.for(["", "/run/netns/gone"])("without the namespace: %j", (netns, { bed }) => {
    const { box, result } = attach(bed);
    box.sh("ip link del eth0");
    bed.host.sh(`ip netns del ${box.name}`);
    const before = bed.snapshot();
    const env = { CNI_NETNS: netns };
    for (const more of [{}, { prevResult: result }]) {
      expect(bed.del("sbr", box, { ...sbr, ...more }, { env })).toSucceed();
    }
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for([true, false])(
    "touches no other pod to which a stale path leads; with the result: %j",
    (isKnown, { bed }) => {
      const dead = attach(bed);
      const { box: victim } = attach(bed);
      const rules = ruleLines(victim);
      const known = isKnown ? { prevResult: dead.result } : {};
      const env = { CNI_NETNS: victim.netns };
      expect(bed.del("sbr", dead.box, { ...sbr, ...known }, { env })).toSucceed();
      expect(ruleLines(victim)).toEqual(rules);
      expect(tableLines(victim, "100")).toContain("default via 10.1.2.1 dev eth0");
    },
  );

  it("leaves another link's rules, and those that others made", ({ bed }) => {
    const { box, result } = attach(bed);
    const other = bed.add("bridge", box, network(3), { ifName: "eth1" }).result;
    bed.add("sbr", box, { ...sbr, prevResult: other }, { ifName: "eth1" }).result;
    box.sh(`
      ip rule add from 10.1.2.2 to 192.0.2.0/24 lookup main
      ip rule add from 10.1.2.2 lookup main protocol static
      ip rule add from 10.1.2.2 fwmark 7 lookup 100`);
    expect(bed.del("sbr", box, { ...sbr, prevResult: result })).toSucceed();
    expect(ruleLines(box).toSorted()).toEqual([
      "from 10.1.2.2 fwmark 0x7 lookup 100",
      "from 10.1.2.2 lookup main proto static",
      "from 10.1.2.2 to 192.0.2.0/24 lookup main",
      "from 10.1.3.2 lookup 102",
      "from fd00:3::2 lookup 103",
    ]);
    expect(tableLines(box, "102")).toContain("default via 10.1.3.1 dev eth1");
  });

  it("is not kept from its rules by more routes than anybody looks at", ({ bed }) => {
    const { box } = attach(bed);
    box.sh(`
      ip link set lo up
      seq 0 17000 | awk '{ printf "route add 11.%d.%d.0/24 dev lo table 9\\n", $1 / 256, $1 % 256 }' |
        ip -batch -
      ip rule add from 10.1.2.2 lookup 9`);
    expect(bed.del("sbr", box, sbr)).toSucceed();
    expect(ruleLines(box)).toEqual(["from 10.1.2.2 lookup 9"]);
  });

  it("P8.10 heeds no option that only ADD needs", ({ bed }) => {
    const { box } = attach(bed);
    const bad = { ...sbr, gateways: ["nonsense", 7], addSourceHints: "?" };
    expect(bed.del("sbr", box, bad)).toSucceed();
    expect(ruleLines(box)).toEqual([]);
  });

  it("of the whole list leaves nothing", ({ bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const chain = new Chain(bed, [network(2), sbr]);
    for (const run of chain.del(box, chain.add(box))) expect(run).toSucceed();
    expect(bed.leftovers(before, sharedBy(network(2)))).toEqual([]);
  });
});

describe("GC and STATUS", () => {
  it("GC has nothing on the host, and touches no container", ({ bed }) => {
    attach(bed);
    const before = bed.snapshot();
    expect(bed.gc("sbr", { ...sbr, "cni.dev/valid-attachments": [] })).toSucceed();
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("STATUS is ready where there are rules", ({ bed }) => {
    expect(bed.status("sbr", sbr)).toSucceed();
    expect(bed.status("sbr", { ...sbr, gateways: ["nonsense"] }).error.code).toBe(7);
  });
});
