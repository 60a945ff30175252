/** The master of a macvlan: which link it is, and what it must not be. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { needs } from "../bed/kernel.ts";
import { makeMaster } from "../bed/make-master.ts";

const it = needs("macvlan");

const mac = "02:00:00:00:00:01";
const ipam = { type: "host-local", subnet: "10.1.2.0/24" };
const config: Config = { cniVersion: "1.1.0", name: "net", type: "macvlan", master: "up0", ipam };

function attach(bed: Bed, more: Config = {}): { readonly box: Container; readonly ended: Config } {
  const box = bed.container();
  const prevResult = bed.add("macvlan", box, { ...config, ...more }).result;
  return { box, ended: { ...config, ...more, prevResult } };
}

/** ADD's error, which has changed nothing. */
function refusal(bed: Bed, more: Config = {}, box = bed.container()) {
  const before = bed.snapshot();
  const { error } = bed.add("macvlan", box, { ...config, ...more });
  expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  return error;
}

describe("the master", () => {
  it.for([
    ["one link", "ip route add default via 10.9.0.2 dev up0"],
    ["several, the first", "ip route add default nexthop dev up0 nexthop dev uplink0"],
    ["IPv6 alone", "ip -6 route add default dev up0"],
  ] as const)("is by default the link of the default route by %s", ([, route], { bed }) => {
    makeMaster(bed.host);
    bed.host.sh(`ip address add 10.9.0.1/24 dev up0; ${route}`);
    const { box, ended } = attach(bed, { master: undefined });
    expect(box.link("eth0").link_index).toBe(bed.host.link("up0").ifindex);
    expect(bed.check("macvlan", box, ended)).toSucceed();
    expect(bed.status("macvlan", { ...config, master: "" })).toSucceed();
  });

  it("is found by another name that it has, of any length", ({ bed }) => {
    makeMaster(bed.host);
    const master = "the-network-of-the-second-floor";
    bed.host.sh(`ip link property add dev up0 altname ${master}`);
    const { box, ended } = attach(bed, { master });
    expect(box.link("eth0").link_index).toBe(bed.host.link("up0").ifindex);
    expect(bed.check("macvlan", box, ended)).toSucceed();
  });

  it("is in the container if that is said, and needs nothing of the host then", ({ bed }) => {
    const inContainer = { ...config, linkInContainer: true };
    expect(bed.status("macvlan", inContainer)).toSucceed();
    const box = bed.container();
    box.sh("ip link add up0 type veth peer name wire; ip link set up0 up");
    const prevResult = bed.add("macvlan", box, inContainer).result;
    expect(box.link("eth0")).toMatchObject({ link: "up0", linkinfo: { info_kind: "macvlan" } });
    const ended = { ...inContainer, prevResult };
    expect(bed.check("macvlan", box, ended)).toSucceed();
    makeMaster(bed.host);
    expect(bed.check("macvlan", box, { ...ended, linkInContainer: false }).error.code).toBe(104);
    expect(bed.del("macvlan", box, ended)).toSucceed();
    expect(box.links()).toEqual(["lo", "wire", "up0"]);
  });

  it("may be a macvlan whose parent is in another namespace, as on a nested host", ({ bed }) => {
    const outer = bed.container("outer");
    makeMaster(outer, "real0");
    bed.host.sh(`
      host=/proc/$$/ns/net
      nsenter --net=${outer.netns} ip link add link real0 up0 netns $host type macvlan mode bridge
      ip link set up0 up`);
    const { box, ended } = attach(bed);
    expect(box.link("eth0").link_index).toBe(outer.link("real0").ifindex);
    expect(bed.check("macvlan", box, ended)).toSucceed();
    expect(bed.status("macvlan", config)).toSucceed();
  });

  it("has its own address back after an attachment in mode passthru", ({ bed }) => {
    makeMaster(bed.host);
    const before = bed.host.link("up0").address;
    const { box, ended } = attach(bed, { mode: "passthru", mac: mac });
    expect(box.link("eth0").address).toBe(mac);
    expect(bed.host.link("up0").address).toBe(mac);
    expect(ended.prevResult).toMatchObject({ interfaces: [{ mac: mac }] });
    expect(bed.del("macvlan", box, ended)).toSucceed();
    expect(bed.host.link("up0").address).toBe(before);
  });
});

describe("a master is refused that", () => {
  it.for([
    [
      "is missing",
      { master: "up1" },
      /^Cannot use master "up1": there is no such link on the host$/,
    ],
    ["nobody named, without a default route", { master: "" }, /no default route on the host/],
    [
      "is missing in the container",
      { linkInContainer: true },
      /in the container, but the host has/,
    ],
  ] as const)("%s", ([, more, words], { bed }) => {
    makeMaster(bed.host);
    expect(refusal(bed, more)).toMatchObject({ code: 50, msg: expect.stringMatching(words) });
    if ("linkInContainer" in more) return;
    const { error } = bed.status("macvlan", { ...config, ...more });
    expect(error).toMatchObject({ code: 50, msg: expect.stringMatching(words) });
  });

  it.for([
    ["is down", "ip link set up0 down", "ip link set up0 up"],
    [
      "is a macvlan itself",
      `ip link set up0 down && ip link set up0 name up1 && ip link set up1 up
       ip link add link up1 name up0 type macvlan && ip link set up0 up`,
      'a macvlan itself, and the kernel would put the link beside it, above "up1"',
    ],
  ] as const)("%s, also by STATUS", ([, change, words], { bed }) => {
    makeMaster(bed.host);
    bed.host.sh(change);
    const expected = { code: 50, msg: expect.stringContaining(words) };
    expect(refusal(bed)).toMatchObject(expected);
    expect(bed.status("macvlan", config).error).toMatchObject(expected);
  });

  it("only the container has, unless that is said", ({ bed }) => {
    const box = bed.container();
    makeMaster(box);
    const { code, msg } = refusal(bed, {}, box);
    expect([code, msg]).toEqual([50, expect.stringContaining('set "linkInContainer" to true')]);
    expect(bed.add("macvlan", box, { ...config, linkInContainer: true })).toSucceed();
  });

  it("is a macvlan of the container, whose parent the host has", ({ bed }) => {
    makeMaster(bed.host);
    const { box } = attach(bed);
    const before = bed.snapshot();
    const again = { ...config, master: "eth0", linkInContainer: true };
    const { error } = bed.add("macvlan", box, again, { ifName: "net1" });
    expect(error).toMatchObject({ code: 50, msg: expect.stringContaining("another namespace") });
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it("is a port of a bridge, which is named", ({ bed }) => {
    makeMaster(bed.host);
    bed.host.sh("ip link set up0 master uplink0");
    const { code, msg } = refusal(bed);
    expect([code, msg]).toEqual([103, expect.stringContaining('a port of bridge "uplink0"')]);
  });

  it("is no Ethernet link", ({ bed }) => {
    expect(refusal(bed, { master: "lo" }).msg).toContain('"lo" is no Ethernet link');
  });

  it("another has for itself, and for itself one that another has", ({ bed }) => {
    makeMaster(bed.host);
    const { box, ended } = attach(bed, { mode: "passthru" });
    const taken = refusal(bed);
    expect(taken).toMatchObject({
      code: 103,
      msg: expect.stringContaining("in mode passthru has"),
    });
    expect(bed.del("macvlan", box, ended)).toSucceed();
    bed.host.sh("ip link add link up0 name mine type macvlan");
    const shared = refusal(bed, { mode: "passthru" });
    expect(shared).toMatchObject({ code: 103, msg: expect.stringContaining('("mine")') });
  });
});

describe("refused before anything is made is", () => {
  it.for([
    [{ mtu: 1501 }, /mtu must be at most 1500, that of master "up0", got 1501/],
    [{ mtu: -1 }, /mtu must be at least 0/],
    [{ mode: "bridged" }, /mode must be one of "bridge".*got "bridged"/],
    [{ bcqueuelen: -1 }, /bcqueuelen must be at least 0/],
    [{ bcqueuelen: 4_294_967_296 }, /bcqueuelen must be at most/],
    [{ mac: "02:00:00:00:00" }, /mac must be a hardware address/],
    [{ mac: "03:00:00:00:00:01" }, /mac must be a hardware address/],
    [{ linkInContainer: "yes" }, /linkInContainer must be true or false/],
    [{ master: 7 }, /master must be a text/],
  ] as const)("%j", ([more, words], { bed }) => {
    makeMaster(bed.host);
    expect(refusal(bed, more)).toMatchObject({ code: 7, msg: expect.stringMatching(words) });
  });

  it("the master's own hardware address", ({ bed }) => {
    makeMaster(bed.host);
    const own = `${bed.host.link("up0").address}`;
    const { code, msg } = refusal(bed, { mac: own });
    expect([code, msg]).toEqual([7, expect.stringContaining('that of master "up0"')]);
  });
});

describe("taken back is an ADD", () => {
  it("whose hardware address another link above the master has, which is named", ({ bed }) => {
    makeMaster(bed.host);
    bed.host.sh(`ip link add link up0 name mine address ${mac} type macvlan; ip link set mine up`);
    const seen = refusal(bed, { mac });
    expect(seen).toMatchObject({ code: 103, msg: expect.stringContaining('"mine" above "up0"') });
    bed.host.sh("ip link delete mine");
    attach(bed, { mac });
    const unseen = refusal(bed, { mac });
    expect(unseen).toMatchObject({ code: 103, msg: expect.stringContaining(mac) });
  });

  it("whose interface name is taken, and that link stays", ({ bed }) => {
    makeMaster(bed.host);
    const { box } = attach(bed);
    expect(refusal(bed, {}, box)).toMatchObject({
      code: 103,
      msg: expect.stringContaining('"eth0"'),
    });
  });

  it.for([
    ["no address is left", { subnet: "10.1.2.0/30", rangeStart: "10.1.2.1", rangeEnd: "10.1.2.1" }],
    [
      "a route cannot be",
      { subnet: "10.1.2.0/24", routes: [{ dst: "192.0.2.0/24", gw: "198.51.100.9" }] },
    ],
  ] as const)("where %s", ([, more], { bed }) => {
    makeMaster(bed.host);
    const { code } = refusal(bed, { ipam: { type: "host-local", ...more } });
    expect([100, 105]).toContain(code);
  });
});
