/** The administrator's chain of iptables: what it denies is denied, whoever accepts. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Container } from "../bed/container.ts";
import { fakeFirewalld } from "../bed/firewalld.ts";
import type { Config, RunOptions } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { dropped, network, passes, reaches } from "../bed/networks.ts";

/** "" is no backend at all: the choice is the plugin's. */
const backends = ["", "nftables", "iptables", "firewalld"];

/** By other programs than the host's usual ones: `iptables-legacy`. */
const flavours = ["iptables", "iptables-legacy"];

/** Makes a chain, or only uses it, that refuses what goes to network 2. */
function deny(bed: Bed, chain: string, { make = true, flavour = "iptables" } = {}): void {
  const legacy = flavour.replace("iptables", "");
  for (const [program, subnet] of [
    [`iptables${legacy}`, "10.1.2.0/24"],
    [`ip6tables${legacy}`, "fd00:2::/64"],
  ]) {
    if (make) bed.host.sh(`${program} -N ${chain}`);
    bed.host.sh(`${program} -A ${chain} -d ${subnet} -j REJECT`);
  }
}

/** A container in network 1 with a firewall, beside one of network 2 without. */
function attachTwo(bed: Bed, more: Config) {
  const { options } = fakeFirewalld(bed);
  const [one, two] = [network(1, more), network(2)];
  const [box, other] = [bed.container(), bed.container()];
  const chain = new Chain(bed, one);
  new Chain(bed, [two[0]]).add(other);
  const result = chain.add(box, options);
  return { box, chain, config: { ...one[1], prevResult: result }, options, result };
}

function rulesOf(bed: Bed): string {
  return bed.host.sh(
    "for i in iptables ip6tables iptables-legacy ip6tables-legacy; do $i -S; done 2>/dev/null",
  );
}

describe.for(backends)("backend %j", (backend) => {
  it("an admin chain that exists is asked before anything is accepted", ({ bed }) => {
    deny(bed, "CNI-ADMIN");
    const { box, chain, result, options, config } = attachTwo(bed, { backend });
    expect(reaches(box, 2, 2)).toEqual(dropped);
    expect(bed.check("firewall", box, config, options)).toSucceed();
    for (const run of chain.del(box, result, options)) expect(run).toSucceed();
    expect(bed.host.sh("iptables -S CNI-ADMIN")).toContain("-d 10.1.2.0/24 -j REJECT");
    expect(rulesOf(bed)).not.toMatch(/10\.1\.1\.|fd00:1:/);
  });

  it("a chain that is named is made for the administrator to fill", ({ bed }) => {
    const more = { backend, iptablesAdminChainName: "MY-ADMIN" };
    const { box, config, options } = attachTwo(bed, more);
    expect(reaches(box, 2, 2)).toEqual(passes);
    deny(bed, "MY-ADMIN", { make: false });
    expect(reaches(box, 2, 2)).toEqual(dropped);
    expect(bed.check("firewall", box, config, options)).toSucceed();
    const gc = { ...config, prevResult: undefined, "cni.dev/valid-attachments": [] };
    expect(bed.gc("firewall", gc, options)).toSucceed();
    expect(bed.host.sh("ip6tables -S MY-ADMIN")).toContain("-d fd00:2::/64 -j REJECT");
    expect(rulesOf(bed)).not.toMatch(/10\.1\.1\.|fd00:1:/);
  });

  it("the chain of each network is asked", ({ bed }) => {
    deny(bed, "CNI-ADMIN");
    const { box } = attachTwo(bed, { backend, iptablesAdminChainName: "ONE" });
    const { options } = fakeFirewalld(bed);
    const late = bed.container();
    new Chain(bed, network(3, { backend, iptablesAdminChainName: "THREE" })).add(late, options);
    expect(reaches(box, 3, 2)).toEqual(passes);
    bed.host.sh("iptables -A ONE -d 10.1.3.2 -j DROP; ip6tables -A THREE -d fd00:3::2 -j DROP");
    expect(reaches(box, 3, 2)).toEqual(dropped);
  });

  it("one that comes later is missed by CHECK, and found by the next ADD for all", ({ bed }) => {
    const { box, config, options } = attachTwo(bed, { backend });
    bed.host.sh("for i in iptables ip6tables; do $i -F; $i -X; done");
    bed.add("firewall", box, config, options).result;
    bed.host.sh("for i in iptables ip6tables; do $i -F CNI-FORWARD || true; done 2>/dev/null");
    bed.host.sh("iptables -S CNI-ADMIN >/dev/null 2>&1 || iptables -N CNI-ADMIN");
    bed.host.sh("iptables -A CNI-ADMIN -d 10.1.2.0/24 -j REJECT");
    const before = bed.snapshot();
    const { error } = bed.check("firewall", box, config, options);
    expect(error).toMatchObject({ code: 104, msg: expect.stringContaining("CNI-FORWARD") });
    expect(bed.leftovers(before)).toEqual([]);
    const late = bed.container();
    new Chain(bed, network(3, { backend })).add(late, options);
    expect(reaches(box, 2, 2)).toEqual([false, true]);
  });
});

describe.for(["", "nftables"])("backend %j", (backend) => {
  it.for(flavours)("asks a chain of %s", (flavour, { bed }) => {
    deny(bed, "CNI-ADMIN", { flavour });
    const { box, config } = attachTwo(bed, { backend });
    expect(reaches(box, 2, 2)).toEqual(dropped);
    expect(bed.check("firewall", box, config)).toSucceed();
  });

  it("a chain that only one family has is asked by that one", ({ bed }) => {
    bed.host.sh("ip6tables -N CNI-ADMIN; ip6tables -A CNI-ADMIN -d fd00:2::/64 -j REJECT");
    const { box } = attachTwo(bed, { backend });
    expect(reaches(box, 2, 2)).toEqual([true, false]);
    expect(bed.host.nft()).not.toContain("table ip filter");
  });

  it("a jump that stands behind an accept is set before it", ({ bed }) => {
    deny(bed, "CNI-ADMIN");
    bed.host.sh(`
      iptables -N CNI-FORWARD; iptables -A FORWARD -j CNI-FORWARD
      iptables -A CNI-FORWARD -s 10.1.0.0/16 -j ACCEPT
      iptables -A CNI-FORWARD -m comment --comment 'CNI firewall plugin admin overrides' -j CNI-ADMIN`);
    const { box, config } = attachTwo(bed, { backend });
    expect(reaches(box, 2, 2)).toEqual(dropped);
    bed.host.sh(`
      iptables -D CNI-FORWARD 1
      iptables -I CNI-FORWARD 1 -s 10.1.0.0/16 -j ACCEPT
      iptables -A CNI-FORWARD -m comment --comment 'CNI firewall plugin admin overrides' -j CNI-ADMIN`);
    expect(bed.check("firewall", box, config).error.code).toBe(104);
  });

  it("without a name and a chain iptables are not touched", ({ bed }) => {
    attachTwo(bed, { backend });
    expect(bed.host.nft()).not.toMatch(/table ip6? filter/);
  });

  it("where iptables are not installed nothing is attached", ({ bed }) => {
    deny(bed, "CNI-ADMIN");
    const [bridge, firewall] = network(1, { backend });
    const box = bed.container();
    const prevResult = new Chain(bed, [bridge]).add(box);
    const options: RunOptions = { env: { PATH: bed.folder("empty") } };
    const before = bed.snapshot();
    for (const run of [
      bed.add("firewall", box, { ...firewall, prevResult }, options),
      bed.status("firewall", firewall, options),
    ]) {
      expect(run.error.msg).toContain('"iptables-restore"');
    }
    expect(bed.leftovers(before).filter((line) => line.includes("10.1.1.2"))).toEqual([]);
  });
});

/** Both ends of a race see each other's chains. */
it("many at once make each shared rule once", async ({ bed }) => {
  deny(bed, "CNI-ADMIN");
  const [bridge, firewall] = network(1);
  const attached = Array.from({ length: 6 }, () => {
    const box: Container = bed.container();
    return { box, prevResult: new Chain(bed, [bridge]).add(box) };
  });
  const runs = await Promise.all(
    attached.map(({ box, prevResult }) => {
      const config = { ...firewall, prevResult };
      return bed.start("firewall", { command: "ADD", container: box, config });
    }),
  );
  for (const run of runs) expect(run).toSucceed();
  const jumps = bed.host.sh("iptables -S; ip6tables -S").match(/-j CNI-(ADMIN|FORWARD)$/gm);
  expect(jumps?.toSorted()).toEqual([
    "-j CNI-ADMIN",
    "-j CNI-ADMIN",
    "-j CNI-FORWARD",
    "-j CNI-FORWARD",
  ]);
});
