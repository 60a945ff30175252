/** The main job: a person at a shell connects namespaces, and traffic flows. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridgeWith } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config, RunOptions } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import type { Outcome } from "../bed/outcome.ts";
import { reservations } from "../bed/store.ts";
import type { View } from "../bed/view.ts";

const mybridge = {
  cniVersion: "0.2.0",
  name: "mybridge",
  type: "bridge",
  bridge: "cni_bridge0",
  isGateway: true,
  ipMasq: true,
  ipam: {
    type: "host-local",
    subnet: "10.15.20.0/24",
    routes: [{ dst: "0.0.0.0/0" }, { dst: "1.1.1.1/32", gw: "10.15.20.1" }],
  },
};

/** As typed at a shell: the namespace's name is the container's id. */
function call(bed: Bed, command: string, box: Container): Outcome {
  const env = { CNI_CONTAINERID: box.name, CNI_NETNS: `/var/run/netns/${box.name}` };
  const options: RunOptions = { env, ifName: "eth12", path: bed.bin };
  return bed.exec("bridge", { command, config: mybridge, container: box, ...options });
}

describe("mybridge, in an empty host", () => {
  it("prints the 0.2.0 result and makes what it says", ({ bed }) => {
    const box = bed.container("1234567890");
    expect(call(bed, "ADD", box).json).toEqual({
      cniVersion: "0.2.0",
      ip4: {
        ip: "10.15.20.2/24",
        gateway: "10.15.20.1",
        routes: [{ dst: "0.0.0.0/0" }, { dst: "1.1.1.1/32", gw: "10.15.20.1" }],
      },
      dns: {},
    });

    expect(box.addresses("eth12")).toEqual(["10.15.20.2/24"]);
    expect(box.routes().toSorted()).toEqual([
      "1.1.1.1 via 10.15.20.1 dev eth12",
      "10.15.20.0/24 dev eth12",
      "default via 10.15.20.1 dev eth12",
    ]);
    expect(bed.host.addresses("cni_bridge0")).toEqual(["10.15.20.1/24"]);
    expect(bed.read("/var/lib/cni/networks/mybridge/10.15.20.2")).toBe("1234567890\r\neth12");
  });

  it("two namespaces and the host ping each other", ({ bed }) => {
    const [first, second] = [bed.container("1234567890"), bed.container("987654321")];
    for (const box of [first, second]) expect(call(bed, "ADD", box)).toSucceed();

    expect(first.ping("10.15.20.3")).toBe(true);
    expect(second.ping("10.15.20.2")).toBe(true);
    expect(first.ping("10.15.20.1")).toBe(true);
    expect(bed.host.ping("10.15.20.2")).toBe(true);
    expect(bed.host.ping("10.15.20.3")).toBe(true);
  });

  it("a packet to the world leaves with the host's address, one to a neighbour does not", ({
    bed,
  }) => {
    const outside = bed.outside();
    const [first, second] = [bed.container("1234567890"), bed.container("987654321")];
    for (const box of [first, second]) expect(call(bed, "ADD", box)).toSucceed();

    const world = pingersOf(outside, () => expect(first.ping("203.0.113.2")).toBe(true));
    expect(world).toEqual(["203.0.113.1"]);
    const neighbour = pingersOf(second, () => expect(first.ping("10.15.20.3")).toBe(true));
    expect(neighbour).toEqual(["10.15.20.2"]);
  });

  it("DEL removes everything but the bridge, twice without error", ({ bed }) => {
    const box = bed.container("1234567890");
    const before = bed.snapshot();
    expect(call(bed, "ADD", box)).toSucceed();
    expect(call(bed, "DEL", box)).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
    expect(call(bed, "DEL", box)).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });

    expect(bed.leftovers(before, sharedBy(mybridge))).toEqual([]);
    expect(bed.host.links()).toEqual(["lo", "uplink0", "cni_bridge0"]);
    expect(bed.host.addresses("cni_bridge0")).toEqual(["10.15.20.1/24"]);
  });
});

/** From which addresses the namespace is pinged while `action` runs. */
function pingersOf(view: View, action: () => void): readonly string[] {
  view.sh(`nft 'table inet seen {
    set four { type ipv4_addr; flags dynamic; }
    set six { type ipv6_addr; flags dynamic; }
    chain input {
      type filter hook input priority 0;
      icmp type echo-request add @four { ip saddr }
      icmpv6 type echo-request add @six { ip6 saddr }
    }
  }'`);
  action();
  const sets = ["four", "six"].map((name) =>
    JSON.parse(view.sh(`nft -j list set inet seen ${name}`)),
  );
  view.sh("nft delete table inet seen");
  return sets.flatMap(({ nftables }) => nftables[1].set.elem ?? []);
}

const list = {
  cniVersion: "1.1.0",
  name: "dual",
  plugins: [
    {
      type: "bridge",
      bridge: "br0",
      isDefaultGateway: true,
      ipMasq: true,
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: "10.15.20.0/24" }], [{ subnet: "fd00:15:20::/64" }]],
      },
    },
    { type: "loopback" },
  ],
};

/** Runs a list as a runtime does: each plugin gets the result of the one before it. */
function addList(bed: Bed, box: Container): Config {
  let prevResult: Config | undefined;
  for (const plugin of list.plugins) {
    const config = { ...plugin, name: list.name, cniVersion: list.cniVersion, prevResult };
    prevResult = bed.add(plugin.type, box, config).json as Config;
  }
  return prevResult ?? {};
}

/** CHECK in the list's order, DEL in the reverse, each with the final result. */
function runList(bed: Bed, command: "CHECK" | "DEL", box: Container, prevResult: Config): void {
  const plugins = command === "DEL" ? list.plugins.toReversed() : list.plugins;
  for (const plugin of plugins) {
    const config = { ...plugin, name: list.name, cniVersion: list.cniVersion, prevResult };
    const run = bed.exec(plugin.type, { command, config, container: box });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
  }
}

describe("a dual-stack list of 1.1.0", () => {
  it("both families reach neighbour, host and world, and the list ends where it began", ({
    bed,
  }) => {
    const outside = bed.outside();
    const [first, second] = [bed.container(), bed.container()];
    for (const box of [first, second]) box.sh("ip link set lo up && ip link set lo down");
    const before = bed.snapshot();
    const result = addList(bed, first);
    expect(result).toMatchObject({
      cniVersion: "1.1.0",
      ips: [
        { address: "10.15.20.2/24", gateway: "10.15.20.1", interface: 2 },
        { address: "fd00:15:20::2/64", gateway: "fd00:15:20::1", interface: 2 },
      ],
      routes: [
        { dst: "0.0.0.0/0", gw: "10.15.20.1" },
        { dst: "::/0", gw: "fd00:15:20::1" },
      ],
    });
    const other = addList(bed, second);
    runList(bed, "CHECK", first, result);

    for (const address of ["10.15.20.3", "fd00:15:20::3", "10.15.20.1", "fd00:15:20::1"]) {
      expect([address, first.ping(address)]).toEqual([address, true]);
    }
    expect(bed.host.ping("fd00:15:20::2")).toBe(true);
    const world = pingersOf(outside, () => {
      expect(first.ping("203.0.113.2")).toBe(true);
      expect(first.ping("2001:db8:ffff::2")).toBe(true);
    });
    expect(world).toEqual(["203.0.113.1", "2001:db8:ffff::1"]);

    runList(bed, "DEL", first, result);
    runList(bed, "DEL", first, result);
    runList(bed, "DEL", second, other);
    expect(reservations(bed, "dual")).toEqual([]);
    const shared = sharedBy({ bridge: "br0", name: "dual" });
    expect(bed.leftovers(before, shared)).toEqual([]);
  });

  it.for(["10.1.2.3", "fd00:1::3"])(
    "neighbours that knew %s learn who has it now",
    (ip, { bed }) => {
      const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];
      const config = bridgeWith({ type: "host-local", ranges });
      const [first, second] = [bed.container(), bed.container()];
      bed.add("bridge", first, config).result;
      const known = () => first.sh(`ip neighbour show ${ip}`);
      first.sh(`ip neighbour add ${ip} lladdr 02:00:00:00:00:99 dev eth0 nud reachable; sleep 1.2`);
      expect(known()).toContain("02:00:00:00:00:99");

      bed.add("bridge", second, config).result;
      const mac = `${second.link("eth0").address}`;
      first.until(`ip neighbour show ${ip} | grep -q ${mac}`);
    },
  );

  it("IPv6 works at once, without waiting for duplicate address detection", ({ bed }) => {
    const box = bed.container();
    addList(bed, box);
    const flags = box.ip("-6 address show dev eth0 scope global");
    expect(JSON.stringify(flags)).not.toContain("tentative");
    expect(box.ping("fd00:15:20::1")).toBe(true);
  });
});
