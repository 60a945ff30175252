/** host-device: a device of the host that a container has to itself until DEL brings it home. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { allVersions } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";

const store = "/var/lib/cni/networks/net";
const ipam = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
  routes: [{ dst: "192.0.2.0/24" }, { dst: "::/0" }],
};
const config: Config = {
  cniVersion: "1.1.0",
  name: "net",
  type: "host-device",
  device: "dev0",
  ipam,
};

function attach(bed: Bed, more: Config = {}): { readonly box: Container; readonly ended: Config } {
  const box = bed.container();
  const prevResult = bed.add("host-device", box, { ...config, ...more }).result;
  return { box, ended: { ...config, ...more, prevResult } };
}

/** The attachments that host-local has an address for. */
function reservations(bed: Bed): readonly string[] {
  return bed.list(store).filter((name) => /^(10|fd)/.test(name));
}

describe("ADD of host-device", () => {
  it("moves the device, gives it addresses and routes, and tells of it", ({ bed }) => {
    const { address } = bed.host.link("dev0");
    const { box, ended } = attach(bed);
    expect(box.links()).toEqual(["lo", "eth0"]);
    expect(bed.host.links()).not.toContain("dev0");
    const about = `weft-device dev0 up 1400 ${address} net ${box.containerID} eth0`;
    expect(box.link("eth0")).toMatchObject({
      address,
      mtu: 1400,
      ifalias: `${about} "port 0 of the rack"`,
      flags: expect.arrayContaining(["UP"]),
    });
    expect(box.addresses("eth0")).toEqual(["10.1.2.2/24", "fd00:1::2/64"]);
    expect(box.routes()).toContain("192.0.2.0/24 via 10.1.2.1 dev eth0");
    expect(box.routes("-6")).toContain("default via fd00:1::1 dev eth0");
    expect(ended.prevResult).toMatchObject({
      interfaces: [{ name: "eth0", mac: address, mtu: 1400, sandbox: box.netns }],
      ips: [
        { address: "10.1.2.2/24", gateway: "10.1.2.1", interface: 0 },
        { address: "fd00:1::2/64", gateway: "fd00:1::1", interface: 0 },
      ],
      routes: ipam.routes,
    });
  });

  it("gives a device that carries packets, and that does so at home again", ({ bed }) => {
    bed.host.sh("ip address add 10.1.2.1/24 dev dev0-peer");
    bed.host.sh("ip address add fd00:1::1/64 dev dev0-peer nodad");
    const { box, ended } = attach(bed);
    for (const address of ["10.1.2.1", "fd00:1::1"]) expect(box.ping(address)).toBe(true);
    expect(bed.del("host-device", box, ended)).toSucceed();
    expect(bed.host.link("dev0").flags).toEqual(expect.arrayContaining(["UP", "LOWER_UP"]));
  });

  it.for(allVersions)("answers in version %s", (cniVersion, { bed }) => {
    const result = bed.add("host-device", bed.container(), { ...config, cniVersion }).json;
    expect(JSON.stringify(result)).toContain("10.1.2.2/24");
    expect(result).toMatchObject({ cniVersion });
  });

  it("without an address manager moves the device alone, and reports the configured dns", ({
    bed,
  }) => {
    const dns = { nameservers: ["192.0.2.53"] };
    const { box, ended } = attach(bed, { ipam: undefined, dns });
    expect(box.link("eth0").flags).toContain("UP");
    expect(box.addresses("eth0")).toEqual([]);
    const interfaces = [{ name: "eth0", sandbox: box.netns }];
    expect(ended.prevResult).toMatchObject({ interfaces, ips: [], routes: [], dns });
    expect(bed.check("host-device", box, ended)).toSucceed();
  });

  it("keeps dns of the address manager where none is configured", ({ bed }) => {
    const addresses = { ips: [{ address: "10.1.2.9/24" }], dns: { domain: "example.org" } };
    bed.recorder("fake").answer("ADD", { stdout: { cniVersion: "1.1.0", ...addresses } });
    const { ended } = attach(bed, { ipam: { type: "fake" } });
    expect(ended.prevResult).toMatchObject({ dns: addresses.dns });
  });

  it("keeps what a plugin before it has reported, behind its own addresses", ({ bed }) => {
    const box = bed.container();
    const prevResult = {
      cniVersion: "1.1.0",
      interfaces: [{ name: "net0", sandbox: box.netns }],
      ips: [{ address: "198.51.100.7/24", interface: 0 }],
    };
    const { interfaces, ips } = bed.add("host-device", box, { ...config, prevResult }).result;
    expect(interfaces.map(({ name }) => name)).toEqual(["net0", "eth0"]);
    expect(ips.map(({ address, interface: index }) => [address, index])).toEqual([
      ["10.1.2.2/24", 1],
      ["fd00:1::2/64", 1],
      ["198.51.100.7/24", 0],
    ]);
  });
});

describe("a failed ADD of host-device", () => {
  it.for([
    ["an attachment of the same name", "ip link add eth0 type veth peer name other", {}],
    ["no address", "true", { rangeStart: "10.1.2.1", rangeEnd: "10.1.2.1" }],
    ["no way by a route", "true", { routes: [{ dst: "192.0.2.0/24", gw: "198.51.100.9" }] }],
  ] as const)("for %s leaves the device at home as it was", ([, prepare, more], { bed }) => {
    bed.host.sh("ip address add 203.0.113.7/24 dev dev0");
    bed.host.sh("ip address add 2001:db8::7/64 dev dev0 nodad");
    const box = bed.container();
    box.sh(prepare);
    const before = bed.snapshot();
    const own = { type: "host-local", subnet: "10.1.2.0/24", ...more };
    const { error } = bed.add("host-device", box, { ...config, ipam: own });
    expect([100, 103, 105]).toContain(error.code);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    expect(bed.host.addresses("dev0")).toEqual(["203.0.113.7/24", "2001:db8::7/64"]);
  });

  it("a second one of the same attachment changes nothing", ({ bed }) => {
    const { box, ended } = attach(bed);
    const before = bed.snapshot();
    expect(bed.add("host-device", box, { ...config, device: "dev1" }).error.code).toBe(103);
    expect(bed.leftovers(before)).toEqual([]);
    expect(bed.check("host-device", box, ended)).toSucceed();
  });

  it("says of a device that a container has that it is not there", ({ bed }) => {
    attach(bed);
    const box = bed.container();
    const before = bed.snapshot();
    const { error } = bed.add("host-device", box, config);
    expect(error).toMatchObject({ code: 50, msg: expect.stringMatching(/"dev0".*container/) });
    expect(bed.leftovers(before)).toEqual([]);
  });
});

describe("CHECK of host-device", () => {
  it("is content after ADD, and changes nothing", ({ bed }) => {
    const { box, ended } = attach(bed);
    const before = bed.snapshot();
    expect(bed.check("host-device", box, ended)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for([
    ["the device", "ip link set eth0 down && ip link set eth0 name eth1", "no such interface"],
    ["its alias", "ip link set eth0 alias 'something else'", "alias"],
    ["that it is this attachment's", "ip link set eth0 alias 'weft net c9 eth0'", "alias"],
    ["that it is up", "ip link set eth0 down", "up"],
    ["its hardware address", "ip link set eth0 address 02:00:00:00:00:07", "02:00:00:00:00:07"],
    ["an address", "ip address delete 10.1.2.2/24 dev eth0", "10.1.2.2/24"],
    ["a route", "ip route delete 192.0.2.0/24", "192.0.2.0/24"],
  ] as const)("misses %s", ([, change, word], { bed }) => {
    const { box, ended } = attach(bed);
    box.sh(change);
    const { error } = bed.check("host-device", box, ended);
    expect(error.code).toBe(104);
    expect(error.msg).toContain(word);
  });

  it("misses the reservation, and what ADD has reported", ({ bed }) => {
    const { box, ended } = attach(bed);
    expect(bed.check("host-device", box, { ...ended, prevResult: undefined }).error.code).toBe(7);
    bed.host.sh(`rm ${store}/10.1.2.2 ${store}/fd00*`);
    expect(bed.check("host-device", box, ended).exitCode).toBe(1);
  });
});

describe("DEL of host-device", () => {
  it.for([
    ["with the result of ADD", true, {}],
    ["without it", false, {}],
    ["with a configuration that names another device", false, { device: "dev3" }],
    ["with one that names none", false, { device: undefined }],
    ["with one that nobody understands", false, { device: 7, kernelpath: "../..", pciBusID: "/" }],
  ] as const)("%s brings everything back, and works twice", ([, hasResult, more], { bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const ended = { ...config, prevResult: bed.add("host-device", box, config).result };
    const known = { ...(hasResult ? ended : config), ...more };
    for (const _ of ["once", "twice"]) {
      expect(bed.del("host-device", box, known)).toMatchObject({ exitCode: 0, stdout: "" });
    }
    const left = bed.leftovers(before, sharedBy(config));
    expect(left.filter((line) => !/^. box1 sysctl .*\/lo\//.test(line))).toEqual([]);
    expect(box.links()).toEqual(["lo"]);
  });

  it.for([
    ["without CNI_NETNS", ""],
    ["of a namespace that is gone", "/run/netns/gone"],
    ["of a namespace that is a plain file", "/run/netns/plain"],
  ])("%s gives the addresses back", ([, CNI_NETNS], { bed }) => {
    bed.host.sh("mkdir -p /run/netns && touch /run/netns/plain");
    const { box, ended } = attach(bed);
    const run = bed.del("host-device", box, ended, { env: { CNI_NETNS } });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(reservations(bed)).toEqual([]);
    bed.host.sh("rm /run/netns/plain");
  });

  const strangers: readonly (readonly [string, string])[] = [
    ["made in the container", "ip link add eth0 type veth peer name other"],
    [
      "that has the alias of another's device",
      `ip link add eth0 type veth peer name other
       ip link set eth0 alias 'weft-device dev9 up 1500 - net c9 eth0'`,
    ],
    [
      "that has an alias like a name",
      `ip link add eth0 type veth peer name other; ip link set eth0 alias storage`,
    ],
  ];
  it.for(strangers)("leaves a link %s", ([, make], { bed }) => {
    const box = bed.container();
    box.sh(make);
    expect(bed.del("host-device", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(box.links()).toContain("eth0");
  });
});

describe("GC of host-device", () => {
  it("gives back the addresses of attachments that are no longer valid", ({ bed }) => {
    const { box: kept } = attach(bed);
    attach(bed, { device: "dev1" });
    const valid = [{ containerID: kept.containerID, ifname: "eth0" }];
    const run = bed.gc("host-device", { ...config, "cni.dev/valid-attachments": valid });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(reservations(bed)).toEqual(["10.1.2.2", "fd00:1::2"]);
    expect(kept.links()).toContain("eth0");
  });
});

describe("STATUS of host-device", () => {
  it("makes nothing, asks the address manager, and does not miss a device in use", ({ bed }) => {
    attach(bed);
    const before = bed.snapshot();
    expect(bed.status("host-device", config)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before)).toEqual([]);
    const nobody = { type: "nowhere" };
    expect(bed.status("host-device", { ...config, ipam: nobody }).error.code).toBe(102);
  });

  it("does not miss a deviceID that the runtime passes with each ADD", ({ bed }) => {
    const later = { ...config, device: undefined, capabilities: { deviceID: true } };
    expect(bed.status("host-device", later)).toSucceed();
    const none = { ...config, device: undefined };
    expect(bed.status("host-device", none).error).toMatchObject({ code: 7 });
  });
});
