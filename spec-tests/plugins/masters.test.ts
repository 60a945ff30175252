/** ADD of a link above a link of the host, the master: ipvlan, vlan. */
import { describe, expect } from "vitest";
import { allVersions } from "../bed/configs.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { above, attach, network } from "../bed/masters.ts";

const plain = { type: "host-local", subnet: "10.1.2.0/24" };

describe.each(above)("$program", (plugin) => {
  const { program, feature } = plugin;
  const works = needs(feature);
  const config = network(plugin);

  describe("ADD", () => {
    works(
      "makes a link above the master, with addresses and routes, and tells of it",
      ({ bed }) => {
        bed.outside();
        const { box, ended } = attach(bed, config);
        expect(box.links()).toEqual(["lo", "eth0"]);
        const link = box.link("eth0");
        expect(link).toMatchObject({
          linkinfo: { info_kind: program },
          link_index: bed.host.link("uplink").ifindex,
          mtu: 1500,
          ifalias: `weft net ${box.containerID} eth0`,
          flags: expect.arrayContaining(["UP"]),
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
          routes: [{ dst: "192.0.2.0/24" }, { dst: "::/0" }],
        });
      },
    );

    works("makes nothing on the host, and leaves the master as it is", ({ bed }) => {
      bed.outside();
      const box = bed.container();
      const before = bed.snapshot();
      bed.add(program, box, config).result;
      const left = bed.leftovers(before, sharedBy(config));
      // A master listens for the links above it: to their addresses, or to all.
      const own = /^. (box1|file .*networks\/net|host fdb uplink)|^~ host link uplink (prom|allm)/;
      expect(left.filter((line) => !own.test(line))).toEqual([]);
    });

    works.for(allVersions)("answers in version %s", (cniVersion, { bed }) => {
      bed.outside();
      const box = bed.container();
      const result = bed.add(program, box, { ...config, cniVersion }).json as Config;
      const ip = { address: "10.1.2.2/24", gateway: "10.1.2.1" };
      const name = { name: "eth0", sandbox: box.netns };
      if (/^0\.[12]/.test(cniVersion)) {
        expect(result).toEqual({
          cniVersion,
          ip4: { ip: ip.address, gateway: ip.gateway, routes: [{ dst: "192.0.2.0/24" }] },
          ip6: { ip: "fd00:1::2/64", gateway: "fd00:1::1", routes: [{ dst: "::/0" }] },
          dns: {},
        });
        return;
      }
      const isOld = /^0\.[34]/.test(cniVersion);
      const first = isOld ? { version: "4", ...ip } : ip;
      expect(result).toMatchObject({
        cniVersion,
        interfaces: [cniVersion === "1.1.0" ? { ...name, mtu: 1500 } : name],
        ips: [first, { address: "fd00:1::2/64" }],
      });
      if (cniVersion !== "1.1.0") expect(JSON.stringify(result)).not.toContain("mtu");
    });

    works("finds the master in the container where linkInContainer says so", ({ bed }) => {
      bed.outside();
      const box = bed.container();
      box.sh("ip link add inner0 up type veth peer name inner1 && ip link set inner1 up");
      const before = bed.snapshot();
      const inner = { ...config, master: "inner0", linkInContainer: true };
      const prevResult = bed.add(program, box, inner).result;
      expect(box.link("eth0")).toMatchObject({ link: "inner0", linkinfo: { info_kind: program } });
      const ended = { ...inner, prevResult };
      expect(bed.check(program, box, ended)).toSucceed();
      expect(bed.status(program, inner)).toSucceed();
      expect(bed.del(program, box, ended)).toSucceed();
      expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    });

    works("has an MTU of its own, up to the master's", ({ bed }) => {
      bed.outside();
      const { box, ended } = attach(bed, { ...config, mtu: 1400 });
      expect(box.link("eth0").mtu).toBe(1400);
      expect(ended.prevResult).toMatchObject({ interfaces: [{ mtu: 1400 }] });
      expect(bed.check(program, box, ended)).toSucceed();
    });

    works("takes the DNS of the configuration, and that of IPAM where it has none", ({ bed }) => {
      bed.outside();
      bed.recorder("names").answer("ADD", {
        stdout: {
          cniVersion: "1.1.0",
          ips: [{ address: "10.1.2.9/24" }],
          dns: { nameservers: ["192.0.2.53"] },
        },
      });
      const named = { ...config, ipam: { type: "names" } };
      const own = { dns: { nameservers: ["198.51.100.53"] } };
      const first = attach(bed, named);
      expect(first.ended.prevResult).toMatchObject({ dns: { nameservers: ["192.0.2.53"] } });
      expect(bed.del(program, first.box, first.ended)).toSucceed();
      expect(attach(bed, { ...named, ...own }).ended.prevResult).toMatchObject(own);
    });

    works.for([undefined, {}, { type: "" }])(
      "makes a link of layer 2 where there is no IPAM plugin (%j)",
      (ipam, { bed }) => {
        bed.outside();
        const { box, ended } = attach(bed, { ...config, ipam });
        expect(box.link("eth0").flags).toContain("UP");
        expect(box.addresses("eth0")).toEqual([]);
        expect(ended.prevResult).toMatchObject({ interfaces: [{ name: "eth0" }] });
        expect(ended.prevResult).not.toHaveProperty("ips.0");
        expect(bed.check(program, box, ended)).toSucceed();
        expect(bed.status(program, { ...config, ipam })).toSucceed();
        expect(bed.del(program, box, ended)).toSucceed();
        expect(box.links()).toEqual(["lo"]);
      },
    );

    works("keeps what a plugin before it has reported, behind its own addresses", ({ bed }) => {
      bed.outside();
      const box = bed.container();
      const prevResult = {
        cniVersion: "1.1.0",
        interfaces: [{ name: "net0", sandbox: box.netns }],
        ips: [{ address: "198.51.100.7/24", interface: 0 }],
      };
      const { interfaces, ips } = bed.add(program, box, { ...config, prevResult }).result;
      expect(interfaces.map(({ name }) => name)).toEqual(["net0", "eth0"]);
      expect(ips.map(({ address, interface: index }) => [address, index])).toEqual([
        ["10.1.2.2/24", 1],
        ["fd00:1::2/64", 1],
        ["198.51.100.7/24", 0],
      ]);
    });
  });

  describe("a failed ADD leaves nothing", () => {
    it("where the master or the MTU cannot be, which is said", ({ bed }) => {
      bed.outside();
      bed.host.sh("ip link add down0 type veth peer name down1");
      const box = bed.container();
      box.sh("ip link add inner0 up type veth peer name inner1");
      const before = bed.snapshot();
      for (const [code, more, words] of [
        [50, { master: "nowhere0" }, /"nowhere0".*no such link on the host/],
        [50, { master: "../uplink" }, /"..\/uplink"/],
        [50, { master: "a name of many bytes" }, /many bytes/],
        [50, { master: "down0" }, /"down0".*down/],
        [7, { mtu: 1501 }, /mtu .*1500.*"uplink".*1501/],
        [50, { linkInContainer: true }, /"uplink".*linkInContainer/],
        [50, { master: "inner0" }, /"inner0".*linkInContainer/],
      ] as const) {
        const { error } = bed.add(program, box, { ...config, ...more });
        expect([more, error.code]).toEqual([more, code]);
        expect(error.msg).toMatch(words);
      }
      expect(bed.leftovers(before)).toEqual([]);
    });

    works.for([
      ["the master is lo", 100, { master: "lo" }, /"lo"/],
      [
        "no address is left",
        105,
        { ipam: { type: "host-local", subnet: "10.1.2.0/30", rangeEnd: "10.1.2.1" } },
        /10\.1\.2/,
      ],
      [
        "a route cannot be",
        100,
        { ipam: { ...plain, routes: [{ dst: "192.0.2.0/24", gw: "198.51.100.9" }] } },
        /198\.51\.100\.9/,
      ],
    ] as const)("where %s", ([, code, more, words], { bed }) => {
      bed.outside();
      const box = bed.container();
      const before = bed.snapshot();
      const { error } = bed.add(program, box, { ...config, ...more });
      expect(error.code).toBe(code);
      expect(error.msg).toMatch(words);
      expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    });

    works.for(["type bridge", "type veth peer name other"])(
      "where a link of %s has the name, which stays",
      (kind, { bed }) => {
        bed.outside();
        const box = bed.container();
        box.sh(`ip link add eth0 ${kind}`);
        const before = bed.snapshot();
        const { error } = bed.add(program, box, config);
        expect(error).toMatchObject({ code: 103, msg: expect.stringContaining('"eth0"') });
        expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
      },
    );
  });

  it("refuses keys of another type or size by name, and changes nothing", ({ bed }) => {
    bed.outside();
    const box = bed.container();
    const before = bed.snapshot();
    for (const [key, value] of [
      ["mtu", -1],
      ["mtu", 65536],
      ["mtu", "1500"],
      ["master", 7],
      ["master", {}],
      ["linkInContainer", "yes"],
      ["ipam", "host-local"],
    ] as const) {
      const { error } = bed.add(program, box, { ...config, [key]: value });
      expect([key, value, error.code]).toEqual([key, value, 7]);
      expect(error.msg).toContain(key);
    }
    expect(bed.leftovers(before)).toEqual([]);
  });

  describe("a kernel without such links", () => {
    const onKernelWithout = needs(`a kernel without ${feature}` as const);

    onKernelWithout("is named by ADD, which changes nothing and takes no address", ({ bed }) => {
      bed.outside();
      const box = bed.container();
      const before = bed.snapshot();
      const { error } = bed.add(program, box, config);
      expect(error.code).toBe(100);
      expect(error.msg).toMatch(new RegExp(`^Cannot create .*"eth0".*no links of kind ${program}`));
      expect(error.msg).toContain("modprobe");
      expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    });

    onKernelWithout("is named by STATUS, by its own code", ({ bed }) => {
      bed.outside();
      const { error } = bed.status(program, config);
      expect(error).toMatchObject({ code: 50, msg: expect.stringContaining("modprobe") });
    });

    onKernelWithout("can be left by DEL and GC", ({ bed }) => {
      const box = bed.container();
      expect(bed.del(program, box, config)).toMatchObject({ exitCode: 0, stdout: "" });
      const valid = { "cni.dev/valid-attachments": [] };
      expect(bed.gc(program, { ...config, ...valid })).toMatchObject({ exitCode: 0, stdout: "" });
    });
  });
});

describe.each(above.filter(({ program }) => program !== "vlan"))("$program", (plugin) => {
  const { program, feature } = plugin;
  const works = needs(feature);

  works.for([undefined, ""])(
    "takes the link of the default route where no master is named (%j)",
    (master, { bed }) => {
      bed.outside();
      const config = network(plugin, { master });
      const before = bed.snapshot();
      const { error } = bed.add(program, bed.container("early"), config);
      expect(error.msg).toContain("default route");
      bed.host.sh("ip netns delete early");
      expect(bed.leftovers(before, sharedBy(config))).toEqual([]);

      bed.host.sh("ip route add default via 203.0.113.2");
      const { box, ended } = attach(bed, config);
      expect(box.link("eth0").link_index).toBe(bed.host.link("uplink").ifindex);
      expect(bed.check(program, box, ended)).toSucceed();
    },
  );

  works("takes that of the container where linkInContainer says so", ({ bed }) => {
    const box = bed.container();
    box.sh(`
      ip link add inner0 up type veth peer name inner1 && ip link set inner1 up
      ip address add 192.0.2.1/24 dev inner0 && ip route add default via 192.0.2.2`);
    const config = network(plugin, { master: undefined, linkInContainer: true, ipam: plain });
    bed.add(program, box, config).result;
    expect(box.link("eth0").link).toBe("inner0");
  });
});
