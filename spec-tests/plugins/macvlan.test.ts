/** macvlan: a link of the container with a hardware address of its own on a link of the host. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { allVersions } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { needs } from "../bed/kernel.ts";
import { makeMaster } from "../bed/make-master.ts";
import { reservations } from "../bed/store.ts";

const it = needs("macvlan");

const ipam = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
  routes: [{ dst: "192.0.2.0/24" }, { dst: "::/0" }],
};
const config: Config = { cniVersion: "1.1.0", name: "net", type: "macvlan", master: "up0", ipam };
const layer2: Config = { ...config, ipam: undefined };
const macs = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03", "02:00:00:00:00:04"];

function attach(bed: Bed, more: Config = {}): { readonly box: Container; readonly ended: Config } {
  const box = bed.container();
  const prevResult = bed.add("macvlan", box, { ...config, ...more }).result;
  return { box, ended: { ...config, ...more, prevResult } };
}

describe("ADD", () => {
  it("makes a link above its master, with addresses and routes, and tells of it", ({ bed }) => {
    makeMaster(bed.host);
    const { box, ended } = attach(bed);
    expect(box.links()).toEqual(["lo", "eth0"]);
    const link = box.link("eth0");
    expect(link).toMatchObject({
      linkinfo: { info_kind: "macvlan", info_data: { mode: "bridge" } },
      link_index: bed.host.link("up0").ifindex,
      mtu: 1500,
      ifalias: `weft net ${box.containerID} eth0`,
      flags: expect.arrayContaining(["UP", "LOWER_UP"]),
    });
    expect(box.addresses("eth0")).toEqual(["10.1.2.2/24", "fd00:1::2/64"]);
    expect(box.routes()).toContain("192.0.2.0/24 via 10.1.2.1 dev eth0");
    expect(box.routes("-6")).toContain("default via fd00:1::1 dev eth0");
    expect(ended.prevResult).toEqual({
      cniVersion: "1.1.0",
      interfaces: [{ name: "eth0", mac: link.address, mtu: 1500, sandbox: box.netns }],
      ips: [
        { address: "10.1.2.2/24", gateway: "10.1.2.1", interface: 0 },
        { address: "fd00:1::2/64", gateway: "fd00:1::1", interface: 0 },
      ],
      routes: ipam.routes,
    });
  });

  it("announces its addresses whenever it comes up", ({ bed }) => {
    makeMaster(bed.host);
    const { box } = attach(bed);
    expect(box.sysctl("net/ipv4/conf/eth0/arp_notify")).toBe("1");
    expect(box.sysctl("net/ipv6/conf/eth0/ndisc_notify")).toBe("1");
    expect(box.sh("ip -6 address show dev eth0 tentative")).toBe("");
  });

  it("makes nothing on the host", ({ bed }) => {
    makeMaster(bed.host);
    const box = bed.container();
    const before = bed.snapshot();
    bed.add("macvlan", box, config).result;
    const left = bed.leftovers(before, sharedBy(config)); // the kernel lets the master listen
    const others = /^. (box1|file .*networks\/net|host fdb up0|host link up0 promiscuity)/;
    expect(left.filter((line) => !others.test(line))).toEqual([]);
  });

  it("makes a link of a name that the host has as well", ({ bed }) => {
    bed.host.sh("ip link add eth0 type veth peer name wire; ip link set eth0 up");
    const { box } = attach(bed, { master: "eth0" });
    expect(box.link("eth0")).toMatchObject({ linkinfo: { info_kind: "macvlan" } });
    expect(bed.host.link("eth0")).toMatchObject({ linkinfo: { info_kind: "veth" } });
  });

  it.for(["bridge", "private", "vepa", "passthru"])("makes a link of mode %s", (mode, { bed }) => {
    makeMaster(bed.host);
    const { box, ended } = attach(bed, { mode });
    expect(box.link("eth0")).toMatchObject({ linkinfo: { info_data: { mode } } });
    expect(bed.check("macvlan", box, ended)).toSucceed();
  });

  it("takes MTU and broadcast queue from the configuration", ({ bed }) => {
    makeMaster(bed.host);
    const { box, ended } = attach(bed, { mtu: 1400, bcqueuelen: 2000 });
    expect(box.link("eth0")).toMatchObject({ mtu: 1400 });
    expect(box.sh("ip -details link show dev eth0")).toContain("bcqueuelen 2000");
    expect(ended.prevResult).toMatchObject({ interfaces: [{ mtu: 1400 }] });
  });

  it.for([
    ["runtimeConfig", 0, { runtimeConfig: { mac: macs[0] }, args: { cni: { mac: macs[1] } } }],
    ["args.cni", 1, { args: { cni: { mac: macs[1] } } }],
    ["CNI_ARGS", 2, {}],
  ] as const)("has the address of %s before that of mac", ([, index, more], { bed }) => {
    makeMaster(bed.host);
    const box = bed.container();
    const args = `MAC=${macs[2]}`;
    const { result } = bed.add("macvlan", box, { ...config, mac: macs[3], ...more }, { args });
    expect(result.interfaces).toMatchObject([{ mac: macs[index] }]);
    expect(box.link("eth0").address).toBe(macs[index]);
  });

  it("has the address of mac if nobody else names one", ({ bed }) => {
    makeMaster(bed.host);
    const { box } = attach(bed, { mac: macs[3], runtimeConfig: { mac: "" } });
    expect(box.link("eth0").address).toBe(macs[3]);
  });

  it("without ipam only sets the link up", ({ bed }) => {
    makeMaster(bed.host);
    const box = bed.container();
    const { result } = bed.add("macvlan", box, layer2);
    expect(box.link("eth0").flags).toContain("UP");
    expect(box.addresses("eth0")).toEqual([]);
    const { address: mac } = box.link("eth0");
    expect(result).toMatchObject({ interfaces: [{ name: "eth0", mac, sandbox: box.netns }] });
    expect([result.ips, result.routes]).toEqual([[], []]);
    expect(bed.check("macvlan", box, { ...layer2, prevResult: result })).toSucceed();
    expect(bed.del("macvlan", box, layer2)).toSucceed();
    expect(box.links()).toEqual(["lo"]);
  });

  it.for(allVersions)("answers in version %s", (cniVersion, { bed }) => {
    makeMaster(bed.host);
    const result = bed.add("macvlan", bed.container(), { ...config, cniVersion }).json;
    expect(JSON.stringify(result)).toContain("10.1.2.2/24");
    expect(result).toMatchObject({ cniVersion });
  });

  it("reports dns of the configuration, else of the address manager", ({ bed }) => {
    makeMaster(bed.host);
    const dns = { nameservers: ["10.1.2.53"] };
    bed.recorder("fake").answer("ADD", {
      stdout: { cniVersion: "1.1.0", ips: [{ address: "10.1.2.9/24" }], dns: { domain: "ipam" } },
    });
    const fake = { ...config, ipam: { type: "fake" } };
    expect(bed.add("macvlan", bed.container(), { ...fake, dns }).result.dns).toEqual(dns);
    expect(bed.add("macvlan", bed.container(), fake).result.dns).toEqual({ domain: "ipam" });
  });
});

describe("CHECK", () => {
  it("is content after ADD, and changes nothing", ({ bed }) => {
    makeMaster(bed.host);
    const { box, ended } = attach(bed, { mtu: 1400 });
    const before = bed.snapshot();
    expect(bed.check("macvlan", box, ended)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for([
    ["the link", "ip link delete eth0", "no such interface"],
    ["its kind", "ip link delete eth0; ip link add eth0 type bridge", "should be a macvlan"],
    ["its mode", "ip link set eth0 type macvlan mode private", "mode bridge, found private"],
    ["that it is up", "ip link set eth0 down", "up"],
    ["its MTU", "ip link set eth0 mtu 1300", "MTU 1400, found 1300"],
    ["its hardware address", `ip link set eth0 address ${macs[0]}`, `${macs[0]}`],
    ["an address", "ip address delete 10.1.2.2/24 dev eth0", "10.1.2.2/24"],
    ["an address of IPv6", "ip address delete fd00:1::2/64 dev eth0", "fd00:1::2/64"],
    ["a route", "ip route delete 192.0.2.0/24", "192.0.2.0/24"],
  ] as const)("misses %s", ([, change, word], { bed }) => {
    makeMaster(bed.host);
    const { box, ended } = attach(bed, { mtu: 1400 });
    box.sh(change);
    const { error } = bed.check("macvlan", box, ended);
    expect(error.code).toBe(104);
    expect(error.msg).toContain(word);
  });

  it("misses the master, and sees that the link is above another", ({ bed }) => {
    makeMaster(bed.host);
    const { box, ended } = attach(bed);
    const other = bed.check("macvlan", box, { ...ended, master: "uplink0" }).error;
    expect(other).toMatchObject({ code: 104, msg: expect.stringContaining('above "uplink0"') });
    bed.host.sh("ip link set up0 down && ip link set up0 name up1");
    const missing = bed.check("macvlan", box, ended).error;
    expect(missing).toMatchObject({ code: 104, msg: expect.stringContaining('"up0" does not') });
  });
});

describe("DEL", () => {
  const endings: readonly (readonly [string, (bed: Bed, box: Container) => void])[] = [
    ["with the namespace", () => undefined],
    ["without the link", (_, box) => void box.sh("ip link delete eth0")],
    ["without the namespace", (bed, box) => void bed.host.sh(`ip netns delete ${box.name}`)],
    ["without the master", (bed) => void bed.host.sh("ip link delete up0")],
  ];
  it.for(endings)("%s leaves nothing, and works twice", ([, change], { bed }) => {
    makeMaster(bed.host);
    const { box } = attach(bed);
    change(bed, box);
    const wrong = { ...config, mode: "none", mtu: 70_000 };
    for (const _ of ["once", "twice"]) {
      expect(bed.del("macvlan", box, wrong)).toMatchObject({ exitCode: 0, stdout: "" });
    }
    expect(reservations(bed)).toEqual([]);
    if (bed.host.succeeds(`test -e ${box.netns}`)) expect(box.links()).toEqual(["lo"]);
  });

  it("leaves a link of another attachment, and deletes one that the reference made", ({ bed }) => {
    makeMaster(bed.host);
    const box = bed.container();
    box.sh("true");
    bed.host.sh(`ip link add link up0 name eth0 netns ${box.name} type macvlan mode bridge`);
    box.sh("ip link set eth0 alias 'weft net other eth0'");
    expect(bed.del("macvlan", box, config)).toSucceed();
    expect(box.links()).toContain("eth0");
    box.sh("ip link set eth0 alias ''");
    const { address: mac } = box.link("eth0");
    const of = (own: unknown) => {
      const interfaces = [{ name: "eth0", sandbox: box.netns, mac: own }];
      return { ...config, prevResult: { cniVersion: "1.1.0", interfaces } };
    };
    expect(bed.del("macvlan", box, of(macs[0]))).toSucceed();
    expect(box.links()).toContain("eth0");
    expect(bed.del("macvlan", box, of(mac))).toSucceed();
    expect(box.links()).toEqual(["lo"]);
  });
});

describe("GC", () => {
  it("gives back the addresses of attachments that are no longer valid", ({ bed }) => {
    makeMaster(bed.host);
    const { box: kept } = attach(bed);
    attach(bed);
    expect(reservations(bed)).toHaveLength(4);
    const valid = [{ containerID: kept.containerID, ifname: "eth0" }];
    const run = bed.gc("macvlan", { ...config, "cni.dev/valid-attachments": valid });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(reservations(bed)).toEqual(["10.1.2.2", "fd00:1::2"]);
  });
});

describe("STATUS", () => {
  it("makes nothing, and asks the address manager", ({ bed }) => {
    makeMaster(bed.host);
    const before = bed.snapshot();
    expect(bed.status("macvlan", config)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before)).toEqual([]);
    const nobody = { type: "nowhere" };
    expect(bed.status("macvlan", { ...config, ipam: nobody }).error.code).toBe(102);
  });
});
