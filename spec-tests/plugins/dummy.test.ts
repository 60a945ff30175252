/** dummy: a link of the container that leads nowhere. Most of it needs a kernel with such links. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { allVersions } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";

const onDummy = needs("dummy");
const onKernelWithout = needs("a kernel without dummy");

const store = "/var/lib/cni/networks/net";
const ipam = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
  routes: [{ dst: "192.0.2.0/24" }, { dst: "::/0" }],
};
const config: Config = { cniVersion: "1.1.0", name: "net", type: "dummy", ipam };

function attach(bed: Bed, more: Config = {}): { readonly box: Container; readonly ended: Config } {
  const box = bed.container();
  const prevResult = bed.add("dummy", box, { ...config, ...more }).result;
  return { box, ended: { ...config, ...more, prevResult } };
}

/** The attachments that host-local has an address for. */
function reservations(bed: Bed): readonly string[] {
  return bed.list(store).filter((name) => /^(10|fd)/.test(name));
}

describe("ADD", () => {
  onDummy("makes a link with addresses and routes, and tells of it", ({ bed }) => {
    const { box, ended } = attach(bed);
    expect(box.links()).toEqual(["lo", "eth0"]);
    const link = box.link("eth0");
    expect(link).toMatchObject({
      linkinfo: { info_kind: "dummy" },
      ifalias: `weft net ${box.containerID} eth0`,
      flags: expect.arrayContaining(["UP"]),
    });
    expect(box.addresses("eth0")).toEqual(["10.1.2.2/24", "fd00:1::2/64"]);
    expect(box.routes()).toContain("192.0.2.0/24 via 10.1.2.1 dev eth0");
    expect(box.routes("-6")).toContain("default via fd00:1::1 dev eth0");
    expect(ended.prevResult).toMatchObject({
      cniVersion: "1.1.0",
      interfaces: [{ name: "eth0", mac: link.address, mtu: link.mtu, sandbox: box.netns }],
      ips: [
        { address: "10.1.2.2/24", gateway: "10.1.2.1", interface: 0 },
        { address: "fd00:1::2/64", gateway: "fd00:1::1", interface: 0 },
      ],
      routes: ipam.routes,
    });
  });

  onDummy("gives addresses that can be used at once", ({ bed }) => {
    const { box } = attach(bed);
    expect(box.sh("ip -6 address show dev eth0 tentative")).toBe("");
    box.sh("ip link set lo up");
    for (const address of ["10.1.2.2", "fd00:1::2"]) expect(box.ping(address)).toBe(true);
  });

  onDummy("makes nothing on the host", ({ bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    bed.add("dummy", box, config).result;
    const left = bed.leftovers(before, sharedBy(config));
    expect(left.filter((line) => !/^. (box1|file .*networks\/net)/.test(line))).toEqual([]);
  });

  onDummy.for(allVersions)("answers in version %s", (cniVersion, { bed }) => {
    const result = bed.add("dummy", bed.container(), { ...config, cniVersion }).json;
    expect(JSON.stringify(result)).toContain("10.1.2.2/24");
    expect(result).toMatchObject({ cniVersion });
  });

  onDummy("keeps what a plugin before it has reported, behind its own addresses", ({ bed }) => {
    const box = bed.container();
    const prevResult = {
      cniVersion: "1.1.0",
      interfaces: [{ name: "net0", sandbox: box.netns }],
      ips: [{ address: "198.51.100.7/24", interface: 0 }],
    };
    const { interfaces, ips } = bed.add("dummy", box, { ...config, prevResult }).result;
    expect(interfaces.map(({ name }) => name)).toEqual(["net0", "eth0"]);
    expect(ips.map(({ address, interface: index }) => [address, index])).toEqual([
      ["10.1.2.2/24", 1],
      ["fd00:1::2/64", 1],
      ["198.51.100.7/24", 0],
    ]);
  });

  onDummy.for(["type dummy", "type veth peer name other"])(
    "refuses a name that a link of %s has, leaves that link and takes no address",
    (kind, { bed }) => {
      const box = bed.container();
      box.sh(`ip link add eth0 ${kind}`);
      const before = bed.snapshot();
      const { error } = bed.add("dummy", box, config);
      expect(error.code).toBe(103);
      expect(error.msg).toContain('"eth0"');
      expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    },
  );

  onDummy.for([
    ["no address is left", { subnet: "10.1.2.0/30", rangeStart: "10.1.2.1", rangeEnd: "10.1.2.1" }],
    [
      "a route cannot be",
      { subnet: "10.1.2.0/24", routes: [{ dst: "192.0.2.0/24", gw: "198.51.100.9" }] },
    ],
  ] as const)("leaves nothing where %s", ([, more], { bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const run = bed.add("dummy", box, { ...config, ipam: { type: "host-local", ...more } });
    expect([100, 105]).toContain(run.error.code);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it("is refused without an address manager, and so are CHECK and STATUS", ({ bed }) => {
    const box = bed.container();
    for (const [what, none] of [
      ["missing", undefined],
      ["empty", { type: "" }],
    ] as const) {
      for (const command of ["ADD", "CHECK", "STATUS"]) {
        const call = { command, container: box, config: { ...config, ipam: none } };
        const { error } = bed.exec("dummy", call);
        expect([what, command, error.code]).toEqual([what, command, 7]);
        expect(error.msg).toContain("ipam.type");
      }
    }
  });
});

describe("CHECK", () => {
  onDummy("is content after ADD, and changes nothing", ({ bed }) => {
    const { box, ended } = attach(bed);
    const before = bed.snapshot();
    expect(bed.check("dummy", box, ended)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before)).toEqual([]);
  });

  onDummy.for([
    ["the link", "ip link delete eth0", "no such interface"],
    [
      "its kind",
      "ip link delete eth0; ip link add eth0 type veth peer name other",
      "should be a dummy",
    ],
    ["that it is up", "ip link set eth0 down", "up"],
    ["its hardware address", "ip link set eth0 address 02:00:00:00:00:07", "02:00:00:00:00:07"],
    ["an address", "ip address delete 10.1.2.2/24 dev eth0", "10.1.2.2/24"],
    ["an address of IPv6", "ip address delete fd00:1::2/64 dev eth0", "fd00:1::2/64"],
    ["a route", "ip route delete 192.0.2.0/24", "192.0.2.0/24"],
  ] as const)("misses %s", ([, change, word], { bed }) => {
    const { box, ended } = attach(bed);
    box.sh(change);
    const { error } = bed.check("dummy", box, ended);
    expect(error.code).toBe(104);
    expect(error.msg).toContain(word);
  });

  onDummy("misses the reservation, and what ADD has reported", ({ bed }) => {
    const { box, ended } = attach(bed);
    expect(bed.check("dummy", box, { ...ended, prevResult: undefined }).error.code).toBe(7);
    bed.host.sh(`rm ${store}/10.1.2.2 ${store}/fd00*`);
    expect(bed.check("dummy", box, ended).exitCode).toBe(1);
  });
});

describe("DEL", () => {
  const endings: readonly (readonly [string, (bed: Bed, box: Container) => void])[] = [
    ["with the namespace", () => undefined],
    ["without the link", (_, box) => void box.sh("ip link delete eth0")],
    ["without the namespace", (bed, box) => void bed.host.sh(`ip netns delete ${box.name}`)],
  ];
  onDummy.for(endings)("%s leaves nothing, and works twice", ([, change], { bed }) => {
    bed.del("dummy", attach(bed).box, config);
    const box = bed.container();
    const gone = bed.container();
    const before = bed.snapshot();
    bed.add("dummy", gone, config).result;
    change(bed, gone);
    for (const _ of ["once", "twice"]) {
      expect(bed.del("dummy", gone, config)).toMatchObject({ exitCode: 0, stdout: "" });
    }
    const left = bed.leftovers(before, sharedBy(config));
    expect(left.filter((line) => !line.includes(gone.name))).toEqual([]);
    expect(reservations(bed)).toEqual([]);
    expect(box.links()).toEqual(["lo"]);
  });

  onDummy.for([
    ["another kind", "ip link add eth0 type veth peer name other", {}],
    [
      "the alias of another attachment",
      "ip link add eth0 type dummy && ip link set eth0 alias 'weft net other eth0'",
      {},
    ],
    [
      "another hardware address than ADD reported, and no alias",
      "ip link add eth0 address 02:00:00:00:00:07 type dummy",
      { mac: "02:00:00:00:00:08" },
    ],
  ] as const)("leaves a link of %s", ([, make, more], { bed }) => {
    const box = bed.container();
    box.sh(make);
    const prevResult = {
      cniVersion: "1.1.0",
      interfaces: [{ name: "eth0", sandbox: box.netns, ...more }],
    };
    expect(bed.del("dummy", box, { ...config, prevResult })).toMatchObject({ exitCode: 0 });
    expect(box.links()).toContain("eth0");
  });

  onDummy("deletes the link that the reference plugin made, which has no alias", ({ bed }) => {
    const box = bed.container();
    box.sh("ip link add eth0 address 02:00:00:00:00:07 type dummy");
    const prevResult = {
      cniVersion: "1.1.0",
      interfaces: [{ name: "eth0", mac: "02:00:00:00:00:07", sandbox: box.netns }],
    };
    expect(bed.del("dummy", box, { ...config, prevResult })).toMatchObject({ exitCode: 0 });
    expect(box.links()).toEqual(["lo"]);
  });
});

describe("GC", () => {
  onDummy("gives back the addresses of attachments that are no longer valid", ({ bed }) => {
    const { box: kept } = attach(bed);
    attach(bed);
    expect(reservations(bed)).toHaveLength(4);
    const valid = [{ containerID: kept.containerID, ifname: "eth0" }];
    const run = bed.gc("dummy", { ...config, "cni.dev/valid-attachments": valid });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(reservations(bed)).toEqual(["10.1.2.2", "fd00:1::2"]);
  });
});

describe("STATUS", () => {
  onDummy("makes nothing, and asks the address manager", ({ bed }) => {
    const before = bed.snapshot();
    expect(bed.status("dummy", config)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before)).toEqual([]);
    const nobody = { type: "nowhere" };
    expect(bed.status("dummy", { ...config, ipam: nobody }).error.code).toBe(102);
  });
});

describe("a kernel without such links", () => {
  onKernelWithout("is named by ADD, which leaves nothing", ({ bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const { error } = bed.add("dummy", box, config);
    expect(error).toMatchObject({
      code: 100,
      msg: expect.stringMatching(/^Cannot create dummy "eth0": .*no links of kind dummy.*modprobe/),
    });
    expect(bed.leftovers(before)).toEqual([]);
  });

  onKernelWithout("is named by STATUS, by its own code", ({ bed }) => {
    const { error } = bed.status("dummy", config);
    expect(error).toMatchObject({ code: 50, msg: expect.stringContaining("modprobe dummy") });
  });

  onKernelWithout("can be left by DEL", ({ bed }) => {
    expect(bed.del("dummy", bed.container(), config)).toMatchObject({ exitCode: 0, stdout: "" });
  });
});
