/** ptp: a veth pair from a container to the host, without a bridge. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { allVersions } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import { it } from "../bed/it.ts";
import { backgroundInBed } from "../bed/paths.ts";
import { connect, forGc, ptp } from "../bed/ptp.ts";
import { reservations } from "../bed/store.ts";
import type { Entry } from "../bed/view.ts";

const masqueraded = { ...ptp, ipMasq: true };

/** The facts of routes that say where packets go, and under which address. */
const facts = (routes: readonly Entry[]) =>
  routes
    .filter(({ dst }) => dst !== "fe80::/64")
    .map(({ dst, gateway, scope, prefsrc, protocol }) =>
      [dst, gateway, scope, prefsrc, protocol].filter(Boolean).join(" "),
    )
    .sort();

describe("ADD", () => {
  it("makes a pair whose host end has the gateways, and tells of it", ({ bed }) => {
    const { box, result, end } = connect(bed, { ...ptp, mtu: 1400 });
    const outside = bed.host.link(end);
    const inside = box.link("eth0");
    const common = { linkinfo: { info_kind: "veth" }, mtu: 1400, operstate: "UP" };
    expect(outside).toMatchObject({ ...common, ifalias: `weft net ${box.containerID} eth0` });
    box.until("ip link show dev eth0 | grep -q 'state UP'");
    expect(inside).toMatchObject({ linkinfo: { info_kind: "veth" }, mtu: 1400 });
    expect(bed.host.addresses(end)).toEqual(["10.1.2.1/32", "fd00:2::1/128"]);
    expect(box.addresses("eth0")).toEqual(["10.1.2.2/24", "fd00:2::2/64"]);
    expect(result).toMatchObject({
      cniVersion: "1.1.0",
      interfaces: [
        { name: expect.stringMatching(/^veth[\da-f]{8}$/), mac: outside.address, mtu: 1400 },
        { name: "eth0", mac: inside.address, mtu: 1400, sandbox: box.netns },
      ],
      ips: [
        { address: "10.1.2.2/24", gateway: "10.1.2.1", interface: 1 },
        { address: "fd00:2::2/64", gateway: "fd00:2::1", interface: 1 },
      ],
      routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
    });
  });

  it("leads everything by the gateways, the subnet as well", ({ bed }) => {
    const { box, end } = connect(bed);
    expect(facts(box.ip("-4 route"))).toEqual([
      "10.1.2.0/24 10.1.2.1 global 10.1.2.2 boot",
      "10.1.2.1 link 10.1.2.2 boot",
      "default 10.1.2.1 global boot",
    ]);
    expect(facts(box.ip("-6 route"))).toEqual([
      "default fd00:2::1 global boot",
      "fd00:2::/64 fd00:2::1 global fd00:2::2 boot",
      "fd00:2::1 global fd00:2::2 boot",
    ]);
    expect(facts(bed.host.ip(`-4 route show dev ${end}`))).toEqual(["10.1.2.2 host boot"]);
    expect(facts(bed.host.ip(`-6 route show dev ${end}`))).toEqual([
      "fd00:2::1 global kernel",
      "fd00:2::2 global boot",
    ]);
  });

  it("lets containers, the host and the world reach each other at once", ({ bed }) => {
    const outside = bed.outside();
    outside.sh(
      "ip route add default via 203.0.113.1; ip -6 route add default via 2001:db8:ffff::1",
    );
    const [a, b] = [connect(bed).box, connect(bed).box];
    const host = ["10.1.2.1", "fd00:2::1"];
    expect(a.pingAll(["10.1.2.3", "fd00:2::3", ...host])).toEqual([true, true, true, true]);
    expect(bed.host.pingAll(["10.1.2.2", "fd00:2::2"])).toEqual([true, true]);
    expect(b.pingAll(["203.0.113.2", "2001:db8:ffff::2"])).toEqual([true, true]);
  });

  it("probes no address first, so that the host finds the container at once", ({ bed }) => {
    const { box, end } = connect(bed);
    expect(box.sh("ip -6 address show dev eth0 tentative")).toBe("");
    bed.host.until(`ip -6 address show dev ${end} scope link | grep -q fe80`);
    expect(bed.host.sysctl(`net/ipv6/conf/${end}/accept_dad`)).toBe("0");
    expect(bed.host.sh(`ip -6 address show dev ${end} tentative`)).toBe("");
  });

  it("switches on forwarding of the families that there are", ({ bed }) => {
    const forwarding = () =>
      ["ipv4/ip_forward", "ipv6/conf/all/forwarding"].map((name) => bed.host.sysctl(`net/${name}`));
    expect(forwarding()).toEqual(["0", "0"]);
    connect(bed, { ...ptp, ipam: { type: "host-local", subnet: "10.1.2.0/24" } });
    expect(forwarding()).toEqual(["1", "0"]);
    connect(bed, { ...ptp, ipam: { type: "host-local", subnet: "fd00:2::/64" } });
    expect(forwarding()).toEqual(["1", "1"]);
  });

  it.for([undefined, "nftables", "iptables"])(
    "masquerades by %s what goes to others than the subnet",
    (ipMasqBackend, { bed }) => {
      const outside = bed.outside();
      const { box } = connect(bed, { ...masqueraded, ipMasqBackend });
      const neighbour = connect(bed).box;
      expect(box.pingAll(["203.0.113.2", "2001:db8:ffff::2"])).toEqual([true, true]);
      expect(neighbour.ping("203.0.113.2")).toBe(false);
      outside.sh("ip route add default via 203.0.113.1");
      expect(neighbour.ping("203.0.113.2")).toBe(true);
    },
  );

  it.for([
    ["runtimeConfig", { runtimeConfig: { mac: "02:00:00:00:00:01" } }, {}],
    ["args.cni", { args: { cni: { mac: "02:00:00:00:00:01" } } }, {}],
    ["CNI_ARGS", {}, { args: "IgnoreUnknown=1;MAC=02:00:00:00:00:01" }],
  ] as const)("takes the container's hardware address from %s", ([, more, options], { bed }) => {
    const { box, result } = connect(bed, { ...ptp, ...more }, options);
    expect(box.link("eth0").address).toBe("02:00:00:00:00:01");
    expect(result.interfaces[1]?.mac).toBe("02:00:00:00:00:01");
  });

  it.for(allVersions)("answers in version %s", (cniVersion, { bed }) => {
    const result = bed.add("ptp", bed.container(), { ...ptp, cniVersion }).json;
    expect(JSON.stringify(result)).toContain("10.1.2.2/24");
    expect(result).toMatchObject({ cniVersion });
  });

  it("says of DNS what its own configuration says, else what the address manager does", ({
    bed,
  }) => {
    const ips = [{ address: "10.1.2.2/24", gateway: "10.1.2.1" }];
    const dns = { nameservers: ["10.1.2.1"] };
    bed.recorder("fake").answer("ADD", { stdout: { cniVersion: "1.1.0", ips, dns } });
    const config = { ...ptp, ipam: { type: "fake" } };
    const first = connect(bed, config);
    expect(first.result.dns).toEqual(dns);
    expect(bed.del("ptp", first.box, config)).toSucceed();
    expect(connect(bed, { ...config, dns: { domain: "x.example" } }).result.dns).toEqual({
      domain: "x.example",
    });
  });

  it("keeps what a plugin before it has reported, behind its own addresses", ({ bed }) => {
    const box = bed.container();
    const prevResult = {
      cniVersion: "1.1.0",
      interfaces: [{ name: "net0", sandbox: box.netns }],
      ips: [{ address: "198.51.100.7/24", interface: 0 }],
    };
    const { interfaces, ips } = bed.add("ptp", box, { ...ptp, prevResult }).result;
    expect(interfaces.map(({ name }) => name.replace(/^veth.*/, "veth"))).toEqual([
      "net0",
      "veth",
      "eth0",
    ]);
    expect(ips.map(({ interface: index }) => index)).toEqual([2, 2, 0]);
  });
});

describe("an ADD that cannot be", () => {
  it.for([
    ["no address is left", { subnet: "10.1.2.0/30", rangeStart: "10.1.2.1", rangeEnd: "10.1.2.1" }],
    [
      "a route cannot be",
      { subnet: "10.1.2.0/24", routes: [{ dst: "192.0.2.0/24", gw: "198.51.100.9" }] },
    ],
  ] as const)("leaves nothing where %s", ([, more], { bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const run = bed.add("ptp", box, { ...masqueraded, ipam: { type: "host-local", ...more } });
    expect([100, 105]).toContain(run.error.code);
    expect(bed.leftovers(before, sharedBy(ptp))).toEqual([]);
  });

  it("is refused where it was done already, and what is there stays", ({ bed }) => {
    const { box, end } = connect(bed);
    const before = bed.snapshot();
    const { error } = bed.add("ptp", box, ptp);
    expect(error).toMatchObject({ code: 103, msg: expect.stringContaining(`"${end}"`) });
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("is refused where the container has a link of that name, which stays", ({ bed }) => {
    const box = bed.container();
    box.sh("ip link add eth0 type veth peer name other");
    const before = bed.snapshot();
    expect(bed.add("ptp", box, ptp).error).toMatchObject({
      code: 103,
      msg: expect.stringMatching(/"eth0".*already exists/),
    });
    expect(bed.leftovers(before, sharedBy(ptp))).toEqual([]);
  });

  it("takes another name for the host end where a link of others has it", ({ bed }) => {
    const { box, end } = connect(bed);
    expect(bed.del("ptp", box, ptp)).toSucceed();
    bed.host.sh(`ip link add ${end} type veth peer name far`);
    const { interfaces } = bed.add("ptp", box, ptp).result;
    expect(interfaces[0]?.name).not.toBe(end);
    expect(box.ping("10.1.2.1")).toBe(true);
    expect(bed.del("ptp", box, ptp)).toSucceed();
    expect(bed.host.links()).toContain(end);
    expect(bed.host.links()).not.toContain(interfaces[0]?.name);
  });

  it("is refused without an address manager, and so are CHECK and STATUS", ({ bed }) => {
    const box = bed.container();
    for (const command of ["ADD", "CHECK", "STATUS"]) {
      const call = { command, container: box, config: { ...ptp, ipam: undefined } };
      const { error } = bed.exec("ptp", call);
      expect([command, error.code]).toEqual([command, 7]);
      expect(error.msg).toContain("ipam.type");
    }
  });
});

describe("DEL", () => {
  const endings: readonly (readonly [string, (bed: Bed, box: Container) => void])[] = [
    ["with the namespace", () => undefined],
    ["without the link", (_, box) => void box.sh("ip link delete eth0")],
    [
      "with the link under another name",
      (_, box) => void box.sh("ip link set eth0 down && ip link set eth0 name net7"),
    ],
    ["without the namespace", (bed, box) => void bed.host.sh(`ip netns delete ${box.name}`)],
  ];
  it.for(endings)("%s leaves nothing, and works twice", ([, change], { bed }) => {
    bed.del("ptp", connect(bed, masqueraded).box, masqueraded);
    const gone = bed.container();
    const before = bed.snapshot();
    bed.add("ptp", gone, masqueraded).result;
    change(bed, gone);
    for (const _ of ["once", "twice"]) {
      expect(bed.del("ptp", gone, masqueraded)).toMatchObject({ exitCode: 0, stdout: "" });
    }
    const left = bed.leftovers(before, sharedBy(ptp));
    expect(left.filter((line) => !line.includes(gone.name))).toEqual([]);
    expect(reservations(bed)).toEqual([]);
  });

  it("leaves the neighbour's gateways and routes, which are the same", ({ bed }) => {
    const [a, b] = [connect(bed), connect(bed)];
    expect(bed.del("ptp", a.box, a.ended)).toSucceed();
    expect(b.box.pingAll(["10.1.2.1", "fd00:2::1"])).toEqual([true, true]);
    expect(bed.check("ptp", b.box, b.ended)).toSucceed();
  });

  it("leaves a link of another attachment that has the name", ({ bed }) => {
    const { box } = connect(bed);
    expect(bed.del("ptp", box, { ...ptp, name: "other" })).toSucceed();
    expect(box.ping("10.1.2.1")).toBe(true);
  });

  it("needs no address manager that can be found, and says that it is missing", ({ bed }) => {
    const { box } = connect(bed, masqueraded);
    const run = bed.del("ptp", box, { ...masqueraded, ipam: { type: "nowhere" } });
    expect(run.error.code).toBe(102);
    expect(box.links()).toEqual(["lo"]);
    expect(bed.host.nft()).not.toContain(box.containerID);
    expect(bed.del("ptp", box, { ...masqueraded, ipam: undefined })).toSucceed();
  });
});

describe("GC", () => {
  it("takes away pairs, masquerade and addresses of those that are no longer valid", ({ bed }) => {
    const kept = connect(bed, masqueraded);
    const before = bed.snapshot();
    const gone = connect(bed, masqueraded);
    const run = bed.gc("ptp", forGc([kept.box], masqueraded));
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    const left = bed.leftovers(before, sharedBy(ptp));
    expect(left.filter((line) => !line.includes(gone.box.name))).toEqual([]);
    expect(gone.box.links()).toEqual(["lo"]);
    expect(reservations(bed)).toEqual(["10.1.2.2", "fd00:2::2"]);
    expect(bed.check("ptp", kept.box, kept.ended)).toSucceed();
  });
});

describe("STATUS", () => {
  it("makes no link, not even for a moment, to see that one could be made", ({ bed }) => {
    bed.host.sh(`ip monitor link >/tmp/seen 2>&1 & echo $! >>${backgroundInBed}`);
    const mark = (name: string) => {
      bed.host.sh(`ip link add ${name} type veth peer name ${name}-peer`);
      bed.host.until(`grep -q ${name}-peer /tmp/seen`);
      bed.host.sh(`ip link delete ${name}`);
    };
    bed.host.until("ip link set lo up; ip link set lo down; test -s /tmp/seen");
    expect(bed.status("ptp", ptp)).toSucceed();
    mark("after");
    const seen = bed.host.sh("cat /tmp/seen").match(/^(Deleted )?\d+: [^:@]+/gm) ?? [];
    const names = new Set(seen.map((line) => line.replace(/.*: /, "")));
    expect([...names].sort()).toEqual(["after", "after-peer", "lo"]);
  });

  it("makes nothing, and asks the address manager", ({ bed }) => {
    const before = bed.snapshot();
    expect(bed.status("ptp", ptp)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before)).toEqual([]);
    expect(bed.status("ptp", { ...ptp, ipam: { type: "nowhere" } }).error.code).toBe(102);
  });
});
