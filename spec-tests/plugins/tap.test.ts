/** tap: a persistent tap of the container; what a machine does with it is in tap-machine.test.ts. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { allVersions } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { needs } from "../bed/kernel.ts";

const it = needs("tap");
const ipam = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
  routes: [{ dst: "192.0.2.0/24" }, { dst: "::/0" }],
};
const config: Config = { cniVersion: "1.1.0", name: "net", type: "tap" };
const whole: Config = { ...config, owner: 107, group: 108, mtu: 1400, bridge: "br0", ipam };

/** A container with a bridge, as a machine's container has. */
function containerWithBridge(bed: Bed): Container {
  const box = bed.container();
  box.sh("ip link add br0 up type bridge");
  return box;
}

function attach(bed: Bed, more: Config = {}, args?: string) {
  const box = containerWithBridge(bed);
  const own = { ...config, ...more };
  const prevResult = bed.add("tap", box, own, args === undefined ? {} : { args }).result;
  return { box, prevResult, ended: { ...own, prevResult } };
}

/** What the kernel says of a tap as such. */
function tapInfo(box: Container, name = "eth0"): unknown {
  return (box.link(name).linkinfo as { readonly info_data?: unknown }).info_data;
}

describe("ADD", () => {
  it("makes a persistent tap as it is asked for, and tells of it", ({ bed }) => {
    const { box, prevResult } = attach(bed, { ...whole, mac: "02:00:00:00:00:09" });
    expect(box.links()).toEqual(["lo", "br0", "eth0"]);
    expect(box.link("eth0")).toMatchObject({
      linkinfo: { info_kind: "tun" },
      ifalias: `weft net ${box.containerID} eth0`,
      address: "02:00:00:00:00:09",
      mtu: 1400,
      master: "br0",
      flags: expect.arrayContaining(["UP"]),
    });
    expect(tapInfo(box)).toMatchObject({ type: "tap", persist: true, multi_queue: false });
    expect(box.sh("ip -details link show dev eth0")).toMatch(/ user (107|\S+) group (108|\S+) /);
    expect(prevResult).toMatchObject({
      cniVersion: "1.1.0",
      interfaces: [{ name: "eth0", mac: "02:00:00:00:00:09", mtu: 1400, sandbox: box.netns }],
      ips: [
        { address: "10.1.2.2/24", gateway: "10.1.2.1", interface: 0 },
        { address: "fd00:1::2/64", gateway: "fd00:1::1", interface: 0 },
      ],
      routes: ipam.routes,
    });
  });

  it("makes one that is nobody's and the kernel's choice, if nothing is asked for", ({ bed }) => {
    const { box, prevResult } = attach(bed);
    const { address, mtu, master } = box.link("eth0");
    expect({ mtu, master }).toEqual({ mtu: 1500, master: undefined });
    expect(box.sh("ip -details link show dev eth0")).not.toMatch(/persist on (user|group)/);
    expect(prevResult.interfaces).toEqual([
      { name: "eth0", mac: address, mtu: 1500, sandbox: box.netns },
    ]);
    expect(prevResult.ips).toEqual([]);
  });

  it.for([{}, { owner: 107 }, { group: 107 }, { owner: 107, group: 107 }])(
    "heeds MTU, hardware address and queues, with %o as well",
    (more, { bed }) => {
      const mac = "02:00:00:00:00:09";
      const { box } = attach(bed, { ...more, mac, mtu: 1400, multiQueue: true });
      expect(box.link("eth0")).toMatchObject({ address: mac, mtu: 1400 });
      expect(tapInfo(box)).toMatchObject({ multi_queue: true, persist: true });
    },
  );

  it.for([
    ["02:00:00:00:00:01", { runtimeConfig: { mac: "02:00:00:00:00:01" } }, "02:00:00:00:00:03"],
    ["02:00:00:00:00:02", { args: { cni: { mac: "02:00:00:00:00:02" } } }, undefined],
    ["02:00:00:00:00:03", {}, "02:00:00:00:00:03"],
    ["02:00:00:00:00:04", {}, undefined],
    ["02:00:00:00:00:04", { runtimeConfig: { mac: "" } }, undefined],
  ] as const)("has hardware address %s, the first of several", ([mac, more, arg], { bed }) => {
    const all = { mac: "02:00:00:00:00:04", ...more };
    const { box } = attach(bed, all, arg === undefined ? undefined : `MAC=${arg}`);
    expect(box.link("eth0").address).toBe(mac);
  });

  it("gives addresses and routes that can be used at once", ({ bed }) => {
    const { box } = attach(bed, { ipam });
    expect(box.addresses("eth0")).toEqual(["10.1.2.2/24", "fd00:1::2/64"]);
    expect(box.sh("ip -6 address show dev eth0 tentative")).toBe("");
    expect(box.routes()).toContain("192.0.2.0/24 via 10.1.2.1 dev eth0");
    expect(box.routes("-6")).toContain("default via fd00:1::1 dev eth0");
    box.sh("ip link set lo up");
    for (const address of ["10.1.2.2", "fd00:1::2"]) expect(box.ping(address)).toBe(true);
  });

  it("passes on the DNS of the address manager, unless it has its own", ({ bed }) => {
    const fake = bed.recorder("fake");
    const dns = { nameservers: ["10.1.2.3"] };
    fake.answer("ADD", { stdout: { cniVersion: "1.1.0", ips: [{ address: "10.1.2.9/24" }], dns } });
    const asked = { ipam: { type: "fake" } };
    expect(attach(bed, asked).prevResult.dns).toEqual(dns);
    const own = { domain: "example.org" };
    expect(attach(bed, { ...asked, dns: own }).prevResult.dns).toEqual(own);
  });

  it("makes nothing on the host", ({ bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    bed.add("tap", box, config).result;
    const left = bed.leftovers(before);
    expect(left.filter((line) => !/^. box1/.test(line))).toEqual([]);
    expect(left).not.toEqual([]);
  });

  it.for(allVersions)("answers in version %s", (cniVersion, { bed }) => {
    const result = bed.add("tap", bed.container(), { ...config, cniVersion, ipam }).json;
    expect(JSON.stringify(result)).toContain("10.1.2.2/24");
    expect(result).toMatchObject({ cniVersion });
  });

  it("keeps what a plugin before it has reported, behind its own addresses", ({ bed }) => {
    const box = bed.container();
    const prevResult = {
      cniVersion: "1.1.0",
      interfaces: [{ name: "net0", sandbox: box.netns }],
      ips: [{ address: "198.51.100.7/24", interface: 0 }],
    };
    const { interfaces, ips } = bed.add("tap", box, { ...config, ipam, prevResult }).result;
    expect(interfaces.map(({ name }) => name)).toEqual(["net0", "eth0"]);
    expect(ips.map(({ address, interface: index }) => [address, index])).toEqual([
      ["10.1.2.2/24", 1],
      ["fd00:1::2/64", 1],
      ["198.51.100.7/24", 0],
    ]);
  });
});

describe("CHECK", () => {
  it("is content after ADD, and changes nothing", ({ bed }) => {
    for (const more of [whole, { multiQueue: true, ipam }]) {
      const { box, ended } = attach(bed, more);
      box.until("ip link show dev eth0 | grep NO-CARRIER");
      const before = bed.snapshot();
      expect(bed.check("tap", box, ended)).toMatchObject({ exitCode: 0, stdout: "" });
      expect(bed.leftovers(before)).toEqual([]);
    }
  });

  const again = (how: string) =>
    `ip link delete eth0; ip tuntap add name eth0 ${how} && ip link set eth0 up`;
  it.for([
    ["the link", "ip link delete eth0", "no such interface"],
    ["its kind", "ip link delete eth0; ip link add eth0 type bridge", "should be a tun"],
    ["its type", again("mode tun user 107 group 108"), "type should be tap"],
    ["its queues", again("mode tap multi_queue user 107 group 108"), "queues should be one"],
    ["its owner", again("mode tap user 108 group 108"), "owner should be 107, found 108"],
    ["that it is somebody's", again("mode tap group 108"), "owner should be 107, found none"],
    ["its group", again("mode tap user 107 group 107"), "group should be 108, found 107"],
    ["its MTU", "ip link set eth0 mtu 1300", "MTU should be 1400, found 1300"],
    ["its bridge", "ip link set eth0 nomaster", 'port of "br0"'],
    ["another bridge", "ip link add br1 type bridge; ip link set eth0 master br1", '"br0"'],
    ["that the bridge is there", "ip link delete br0", '"br0"'],
    ["that it is up", "ip link set eth0 down", "up"],
    ["its hardware address", "ip link set eth0 address 02:00:00:00:00:07", "02:00:00:00:00:07"],
    ["an address", "ip address delete 10.1.2.2/24 dev eth0", "10.1.2.2/24"],
    ["an address of IPv6", "ip address delete fd00:1::2/64 dev eth0", "fd00:1::2/64"],
    ["a route", "ip route delete 192.0.2.0/24", "192.0.2.0/24"],
  ] as const)("misses %s", ([, change, word], { bed }) => {
    const { box, ended } = attach(bed, whole);
    box.sh(change);
    const interfaces = [{ name: "eth0", sandbox: box.netns }];
    const made = { ...ended, ipam: {}, prevResult: { cniVersion: "1.1.0", interfaces } };
    const { error } = bed.check("tap", box, change.includes("tuntap") ? made : ended);
    expect(error).toMatchObject({ code: 104, msg: expect.stringContaining(word) });
  });

  it("misses what ADD has reported", ({ bed }) => {
    const { box, ended } = attach(bed);
    expect(bed.check("tap", box, { ...ended, prevResult: undefined }).error.code).toBe(7);
  });
});

/** A tap as the reference plugin leaves it: without an alias, and perhaps without its MTU. */
function madeByReference(bed: Bed, more: Config = {}) {
  const box = containerWithBridge(bed);
  box.sh(`
    ip tuntap add mode tap name eth0 user 107
    ip link set eth0 address 02:00:00:00:00:07
    ip link set eth0 master br0 up`);
  const interfaces = [{ name: "eth0", mac: "02:00:00:00:00:07", sandbox: box.netns, ...more }];
  const prevResult = { cniVersion: "1.0.0", interfaces };
  return { box, ended: { ...config, cniVersion: "1.0.0", owner: 107, bridge: "br0", prevResult } };
}

describe("a tap that the reference plugin has made", () => {
  it("is as it should be, even with the MTU that that plugin left out", ({ bed }) => {
    const { box, ended } = madeByReference(bed);
    expect(bed.check("tap", box, ended)).toSucceed();
    expect(bed.check("tap", box, { ...ended, mtu: 1400 })).toSucceed();
    expect(bed.check("tap", box, { ...ended, owner: 108 }).error.code).toBe(104);
  });

  it("is deleted, with the result of its ADD and without", ({ bed }) => {
    for (const known of [true, false]) {
      const { box, ended } = madeByReference(bed);
      const given = known ? ended : { ...ended, prevResult: undefined };
      expect(bed.del("tap", box, given)).toSucceed();
      expect(box.links()).toEqual(["lo", "br0"]);
    }
  });

  it("stays if the result of ADD names another hardware address", ({ bed }) => {
    const { box, ended } = madeByReference(bed, { mac: "02:00:00:00:00:08" });
    expect(bed.del("tap", box, ended)).toSucceed();
    expect(box.links()).toContain("eth0");
  });
});

describe("DEL", () => {
  const endings: readonly (readonly [string, (bed: Bed, box: Container) => void])[] = [
    ["with the namespace", () => undefined],
    ["without the link", (_, box) => void box.sh("ip link delete eth0")],
    ["without the namespace", (bed, box) => void bed.host.sh(`ip netns delete ${box.name}`)],
  ];
  it.for(endings)("%s leaves nothing, and works twice", ([, change], { bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const own = { ...whole, bridge: "" };
    bed.add("tap", box, own).result;
    change(bed, box);
    for (const _ of ["once", "twice"]) {
      expect(bed.del("tap", box, own)).toMatchObject({ exitCode: 0, stdout: "" });
    }
    const left = bed.leftovers(before, sharedBy(own));
    expect(left.filter((line) => !/^- .*box1/.test(line))).toEqual([]);
  });

  it("does not need the bridge", ({ bed }) => {
    const { box, ended } = attach(bed, whole);
    box.sh("ip link delete br0");
    expect(bed.del("tap", box, ended)).toSucceed();
    expect(box.links()).toEqual(["lo"]);
  });

  it("needs nothing of the configuration that only ADD needs", ({ bed }) => {
    const { box } = attach(bed);
    const wrong = { ...config, mtu: 1, owner: "root", bridge: "a/b", selinuxContext: "a b" };
    expect(bed.del("tap", box, wrong)).toSucceed();
    expect(box.links()).toEqual(["lo", "br0"]);
  });

  it.for([
    ["another kind", "ip link add eth0 type bridge"],
    [
      "another attachment",
      "ip tuntap add mode tap name eth0 && ip link set eth0 alias 'weft net other eth0'",
    ],
  ])("leaves a link of %s", ([, make], { bed }) => {
    const box = bed.container();
    box.sh(`${make}`);
    expect(bed.del("tap", box, config)).toMatchObject({ exitCode: 0 });
    expect(box.links()).toContain("eth0");
  });
});

describe("GC and STATUS", () => {
  it("give back the addresses of attachments that are no longer valid", ({ bed }) => {
    const { box: kept } = attach(bed, whole);
    const { box: other } = attach(bed, whole);
    const reserved = () => bed.list("/var/lib/cni/networks/net").filter((name) => /^10/.test(name));
    expect(reserved()).toEqual(["10.1.2.2", "10.1.2.3"]);
    const valid = [{ containerID: kept.containerID, ifname: "eth0" }];
    const run = bed.gc("tap", { ...whole, "cni.dev/valid-attachments": valid });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(reserved()).toEqual(["10.1.2.2"]);
    expect(other.links()).toContain("eth0");
  });

  it("make nothing, and ask the address manager", ({ bed }) => {
    const before = bed.snapshot();
    expect(bed.status("tap", whole)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before)).toEqual([]);
    expect(bed.status("tap", { ...config, ipam: { type: "nowhere" } }).error.code).toBe(102);
  });
});
