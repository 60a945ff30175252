/** P5: what ADD prints, in each version of the specification. */
import { describe, expect } from "vitest";
import { allVersions, bridge, bridgeWith, hostLocal } from "../bed/configs.ts";
import { sharedBy } from "../bed/difference.ts";
import { fakeIpam } from "../bed/fake-ipam.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { workingConfig } from "../bed/subjects.ts";

const upTo02 = ["0.1.0", "0.2.0"];
const from03To04 = ["0.3.0", "0.3.1", "0.4.0"];
const from10 = ["1.0.0", "1.1.0"];

const dualStack = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
};

describe("P5 the shape of a result", () => {
  it.for(allVersions)("P5.01 a %s request gets a result of that version", (cniVersion, { bed }) => {
    for (const program of ["bridge", "host-local", "loopback"]) {
      const config = workingConfig(program, { cniVersion });
      expect(bed.add(program, bed.container(), config).json).toMatchObject({ cniVersion });
    }
  });

  it.for(upTo02)("P5.02 %s has one address per family and no interfaces", (cniVersion, { bed }) => {
    const config = bridgeWith(dualStack, { cniVersion });
    expect(bed.add("bridge", bed.container(), config).json).toEqual({
      cniVersion,
      ip4: { ip: "10.1.2.2/24", gateway: "10.1.2.1", routes: [{ dst: "0.0.0.0/0" }] },
      ip6: { ip: "fd00:1::2/64", gateway: "fd00:1::1", routes: [{ dst: "::/0" }] },
      dns: {},
    });
  });

  it.for(upTo02)("P5.02 loopback's result has that shape, too: %s", (cniVersion, { bed }) => {
    const config = { cniVersion, name: "lo", type: "loopback" };
    const { dns = {}, ...result } = bed.add("loopback", bed.container(), config).json as Config;
    expect(dns).toEqual({});
    expect(result).toEqual({ cniVersion, ip4: { ip: "127.0.0.1/8" }, ip6: { ip: "::1/128" } });
  });

  it.for(upTo02)(
    "P5.03 %s cannot express an attachment without addresses",
    (cniVersion, { bed }) => {
      const config = { ...bridge("10.1.2.0/24", { cniVersion }), ipam: undefined };
      const box = bed.container();
      const before = bed.snapshot();

      expect(bed.add("bridge", box, config).error.msg).toMatch(/address/i);
      expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    },
  );

  it.for(from03To04)(
    "P5.04 %s lists interfaces, and tells each address's version",
    (v, { bed }) => {
      const result = bed.add(
        "bridge",
        bed.container(),
        bridgeWith(dualStack, { cniVersion: v }),
      ).json;
      expect(result).toEqual({
        cniVersion: v,
        interfaces: [
          { name: "br0", mac: expect.any(String) },
          { name: expect.any(String), mac: expect.any(String) },
          { name: "eth0", mac: expect.any(String), sandbox: "/run/netns/box1" },
        ],
        ips: [
          { version: "4", address: "10.1.2.2/24", gateway: "10.1.2.1", interface: 2 },
          { version: "6", address: "fd00:1::2/64", gateway: "fd00:1::1", interface: 2 },
        ],
        routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
        dns: {},
      });
    },
  );

  it.for(from03To04)("P5.04 loopback's result has that shape, too: %s", (cniVersion, { bed }) => {
    const config = { cniVersion, name: "lo", type: "loopback" };
    expect(bed.add("loopback", bed.container(), config).result.ips).toEqual([
      { version: "4", address: "127.0.0.1/8", interface: 0 },
      { version: "6", address: "::1/128", interface: 0 },
    ]);
  });

  it.for(from10)("P5.05 %s no longer tells the version of an address", (cniVersion, { bed }) => {
    const config = bridgeWith(dualStack, { cniVersion });
    expect(bed.add("bridge", bed.container(), config).result.ips).toEqual([
      { address: "10.1.2.2/24", gateway: "10.1.2.1", interface: 2 },
      { address: "fd00:1::2/64", gateway: "fd00:1::1", interface: 2 },
    ]);
  });

  const richRoute = {
    dst: "192.0.2.0/24",
    gw: "10.1.2.1",
    mtu: 1300,
    advmss: 1200,
    priority: 50,
    table: 100,
    scope: 0,
  };
  const rich = { type: "host-local", subnet: "10.1.2.0/24", routes: [richRoute] };

  it("P5.06 1.1.0 keeps what a route may say more", ({ bed }) => {
    const own = bed.add("host-local", bed.container(), hostLocal("", { ipam: rich })).result;
    expect(own.routes).toEqual([richRoute]);
    expect(bed.add("bridge", bed.container(), bridgeWith(rich)).result.routes).toEqual([richRoute]);
  });

  it.for([...from03To04, "1.0.0"])(
    "P5.07 P5.31 P5.32 %s knows neither that nor an MTU",
    (v, { bed }) => {
      const config = bridgeWith(rich, { cniVersion: v, mtu: 1400 });
      const { routes, interfaces } = bed.add("bridge", bed.container(), config).result;
      expect(routes).toEqual([{ dst: "192.0.2.0/24", gw: "10.1.2.1" }]);
      for (const one of interfaces) expect(one).not.toHaveProperty("mtu");
    },
  );

  it("P5.08 tells the MTU of what it made", ({ bed }) => {
    const box = bed.container();
    const { interfaces } = bed.add("bridge", box, bridge("10.1.2.0/24", { mtu: 1400 })).result;
    expect(interfaces.map(({ mtu }) => mtu)).toEqual([1400, 1400, 1400]);
    expect(box.link("eth0").mtu).toBe(1400);
  });

  it("P5.09 lists bridge, host end and container end; only the last is in a sandbox", ({ bed }) => {
    const box = bed.container();
    bed.host.sh(`ln -s ${box.netns} /run/alias`);
    const result = bed.add("bridge", box, bridge("10.1.2.0/24"), {
      env: { CNI_NETNS: "/run/alias" },
    }).result;

    const [first, second, third] = result.interfaces;
    expect(first).toMatchObject({ name: "br0" });
    expect(bed.host.link(second?.name ?? "")).toMatchObject({ master: "br0" });
    expect(third).toMatchObject({ name: "eth0", sandbox: "/run/alias" });
    expect(first?.sandbox ?? "").toBe("");
    expect(second?.sandbox ?? "").toBe("");
    expect(result.interfaces).toHaveLength(3);
  });

  it("P5.10 an address tells its interface, also if that is the first", ({ bed }) => {
    const lo = bed.add("loopback", bed.container(), { cniVersion: "1.1.0", name: "l" }).result;
    expect(lo.interfaces[0]).toMatchObject({ name: "lo" });
    expect(lo.ips[0]).toHaveProperty("interface", 0);
    const { interfaces, ips } = bed.add("bridge", bed.container(), bridge("10.1.2.0/24")).result;
    expect(interfaces[ips[0]?.interface ?? 0]?.name).toBe("eth0");
  });

  it("P5.11 its hardware addresses are the kernel's", ({ bed }) => {
    const box = bed.container();
    const [br, host, inside] = bed.add("bridge", box, bridge("10.1.2.0/24")).result.interfaces;
    expect(br?.mac).toBe(bed.host.link("br0").address);
    expect(host?.mac).toBe(bed.host.link(host?.name ?? "").address);
    expect(inside?.mac).toBe(box.link("eth0").address);
  });

  it("P5.12 an address manager speaks of no interfaces", ({ bed }) => {
    const result = bed.add("host-local", bed.container(), hostLocal("10.1.2.0/24")).json;
    expect(result).not.toHaveProperty("interfaces");
    expect(result).toHaveProperty("ips", [{ address: "10.1.2.2/24", gateway: "10.1.2.1" }]);
  });

  it("P5.17 empty lists are left out", ({ bed }) => {
    const result = bed.add("host-local", bed.container(), hostLocal("10.1.2.0/24")).json;
    expect(Object.values(result as Config)).not.toContainEqual([]);
  });
});

describe("P5 what the result means for the machine", () => {
  it("P5.13 a gateway alone makes no route", ({ bed }) => {
    const box = bed.container();
    const config = bridgeWith({ type: "host-local", subnet: "10.1.2.0/24" });
    expect(bed.add("bridge", box, config).result.ips).toMatchObject([{ gateway: "10.1.2.1" }]);
    expect(box.routes()).toEqual(["10.1.2.0/24 dev eth0"]);
  });

  it("P5.14 a route without a metric has none", ({ bed }) => {
    const box = bed.container();
    bed.add("bridge", box, bridge("10.1.2.0/24", { cniVersion: "0.4.0" })).result;
    expect(box.ip("route show default")).toMatchObject([{ dst: "default", gateway: "10.1.2.1" }]);
    expect(box.ip("route show default")[0]).not.toHaveProperty("metric");
  });

  it("P5.14 a second default route is tolerated", ({ bed }) => {
    const box = bed.container();
    const config = bridge("10.1.2.0/24", { isDefaultGateway: true });
    expect(bed.add("bridge", box, config)).toSucceed();
    expect(box.ip("route show default")).toHaveLength(1);
    expect(box.ping("10.1.2.1")).toBe(true);
  });

  it("P5.15 a route without a gateway goes through the address's, or else the link", ({ bed }) => {
    const box = bed.container();
    bed.add("bridge", box, bridge("10.1.2.0/24")).result;
    expect(box.routes()).toContain("default via 10.1.2.1 dev eth0");

    const other = bed.container();
    const answer = {
      cniVersion: "1.1.0",
      ips: [{ address: "10.1.2.9/24" }],
      routes: [{ dst: "0.0.0.0/0" }],
    };
    bed.add("bridge", other, fakeIpam(bed, answer, { isGateway: false })).result;
    expect(other.routes()).toContain("default dev eth0");
  });

  it("P5.16 all that a route says reaches the kernel", ({ bed }) => {
    const box = bed.container();
    const rest = { mtu: 1300, advmss: 1200, priority: 50, table: 100 };
    const routes = [
      { dst: "192.0.2.0/24", gw: "10.1.2.1", ...rest },
      { dst: "198.51.100.0/24", scope: 253 },
    ];
    const answer = { cniVersion: "1.1.0", ips: [{ address: "10.1.2.9/24" }], routes };
    const config = fakeIpam(bed, answer, { isGateway: false });
    expect(bed.add("bridge", box, config)).toSucceed();
    expect(box.ip("route show table 100")).toMatchObject([
      {
        dst: "192.0.2.0/24",
        gateway: "10.1.2.1",
        metric: 50,
        metrics: [{ mtu: 1300, advmss: 1200 }],
      },
    ]);
    expect(box.ip("route show 198.51.100.0/24")).toMatchObject([{ scope: "link" }]);
  });

  it("P5.18 the network's name servers go before the address manager's", ({ bed }) => {
    bed.write("/run/resolv.conf", "nameserver 192.0.2.53\nsearch example.org\n");
    const ipam = { type: "host-local", subnet: "10.1.2.0/24", resolvConf: "/run/resolv.conf" };

    const passed = bed.add("bridge", bed.container(), bridgeWith(ipam)).result;
    expect(passed.dns).toEqual({ nameservers: ["192.0.2.53"], search: ["example.org"] });

    const dns = { nameservers: ["192.0.2.1"] };
    const own = bed.add("bridge", bed.container(), bridgeWith(ipam, { dns })).result;
    expect(own.dns).toEqual(dns);
  });

  it("P5.19 an address keeps its host bits", ({ bed }) => {
    const box = bed.container();
    const answer = { cniVersion: "1.1.0", ips: [{ address: "10.1.2.77/20", gateway: "10.1.2.1" }] };
    const { ips } = bed.add("bridge", box, fakeIpam(bed, answer)).result;
    expect(ips).toMatchObject([{ address: "10.1.2.77/20" }]);
    expect(box.addresses("eth0")).toEqual(["10.1.2.77/20"]);
  });
});
