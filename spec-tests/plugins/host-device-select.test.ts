/** host-device: which device is meant, which ones no container gets, and those of programs (DPDK). */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";

const ipam = { type: "host-local", subnet: "10.1.2.0/24" };
const config: Config = { cniVersion: "1.1.0", name: "net", type: "host-device", ipam };

const pci = "0000:3b:00.1";
const virtio = "0000:3b:00.2";
const unbound = "0000:3b:00.3";
const away = "0000:3b:00.4";
const program = "0000:3b:00.5";
const subfunction = "mlx5_core.sf.4";
const root = "/sys/devices/pci0000:3a";

/**
 * Buses as sysfs shows them: directories of devices, and links that lead there. dev1 is a PCI device,
 * dev2 a virtio one, dev3 on the auxiliary bus; one PCI device has no driver, one no link.
 */
function plugIn(bed: Bed): void {
  const driver = (id: string, name: string) =>
    `mkdir -p drivers/${name}; ln -s ../../../bus/pci/drivers/${name} ${root}/${id}/driver`;
  bed.host.sh(`
    for folder in /sys/devices /sys/bus; do mount -t tmpfs fake $folder; done
    mkdir -p /sys/bus/pci/devices /sys/bus/pci/drivers /sys/bus/auxiliary/devices
    cd /sys/bus/pci
    mkdir -p ${root}/${pci}/net/dev1 ${root}/${virtio}/virtio7/net/dev2
    mkdir -p ${root}/${unbound} ${root}/${away}/net ${root}/${program}
    mkdir -p ${root}/${pci}/${subfunction}/net/dev3
    for id in ${pci} ${virtio} ${unbound} ${away} ${program}; do ln -s ${root}/$id devices/$id; done
    ln -s ${root}/${pci}/${subfunction} /sys/bus/auxiliary/devices/${subfunction}
    ln -s ${root}/${pci} ${root}/same
    ${driver(pci, "mlx5_core")}
    ${driver(virtio, "virtio-pci")}
    ${driver(away, "ice")}
    ${driver(program, "vfio-pci")}`);
}

const runtime = (deviceID: string) => ({ runtimeConfig: { deviceID } });
const address = (bed: Bed, name: string) => String(bed.host.link(name).address);

/** The former name of the device that a container got. */
function takenBy(bed: Bed, more: Config): string {
  const box = bed.container();
  bed.add("host-device", box, { ...config, ...more }).result;
  return String(box.link("eth0").ifalias).split(" ")[1] ?? "";
}

describe("the device that host-device moves", () => {
  it.for([
    ["its name", { device: "dev1" }, "dev1"],
    ["another name of it", { device: "second" }, "dev1"],
    ["a name that no link can have", { device: "enp129s0f1npf1vf15" }, "dev2"],
    ["its path", { kernelpath: `${root}/${pci}` }, "dev1"],
    ["the path of one with a virtio device", { kernelpath: `${root}/${virtio}` }, "dev2"],
    ["its PCI address", { pciBusID: pci }, "dev1"],
    ["the PCI address of one with a virtio device", { pciBusID: virtio }, "dev2"],
    ["a PCI address of the runtime's", runtime(pci), "dev1"],
    ["a name on the auxiliary bus", runtime(subfunction), "dev3"],
    [
      "a PCI address of the runtime's before its own",
      { pciBusID: pci, ...runtime(virtio) },
      "dev2",
    ],
    ["one on the auxiliary bus before its own", { pciBusID: pci, ...runtime(subfunction) }, "dev3"],
    ["its name before its path", { device: "dev0", kernelpath: `${root}/${pci}` }, "dev0"],
    ["its path before its PCI address", { kernelpath: `${root}/${virtio}`, pciBusID: pci }, "dev2"],
    ["its path before a bus", { kernelpath: `${root}/${pci}`, ...runtime(subfunction) }, "dev1"],
    ["its name, whatever its other keys lead to", { device: "dev0", pciBusID: unbound }, "dev0"],
  ] as const)("is told by %s", ([, more, name], { bed }) => {
    plugIn(bed);
    bed.host.sh("ip link property add dev dev1 altname second");
    bed.host.sh("ip link property add dev dev2 altname enp129s0f1npf1vf15");
    expect(takenBy(bed, more)).toBe(name);
  });

  it.for([["02:0a:0b:0c:0d:0e"], ["02:0A:0B:0C:0D:0E"], ["02-0a-0b-0c-0d-0e"], ["020a.0b0c.0d0e"]])(
    "is told by its hardware address, %s, before its path",
    ([hwaddr], { bed }) => {
      plugIn(bed);
      bed.host.sh("ip link set dev3 address 02:0a:0b:0c:0d:0e");
      expect(takenBy(bed, { hwaddr, kernelpath: `${root}/${pci}` })).toBe("dev3");
      expect(takenBy(bed, { device: "dev0", hwaddr })).toBe("dev0");
    },
  );

  it("is reported with its PCI address, where that is known and the version has it", ({ bed }) => {
    plugIn(bed);
    const add = (more: Config) => {
      const box = bed.container();
      const [link] = bed.add("host-device", box, { ...config, ...more }).result.interfaces;
      return link;
    };
    expect(add({ pciBusID: pci })).toMatchObject({ pciID: pci });
    expect(add({ ...runtime(virtio), cniVersion: "1.0.0" })).not.toHaveProperty("pciID");
    expect(add({ device: "dev0" })).not.toHaveProperty("pciID");
  });
});

describe("a device that host-device does not find", () => {
  it.for([
    ["a name", { device: "dev9" }, 50, /"dev9".*no such link/],
    ["an address", { hwaddr: "02:00:00:00:00:99" }, 50, /02:00:00:00:00:99/],
    ["a path", { kernelpath: `${root}/0000:ff:00.0` }, 50, /0000:ff:00.0.*no such directory/],
    ["a PCI address", { pciBusID: "0000:ff:ff.9" }, 50, /0000:ff:ff.9.*no such directory/],
    ["an ID", runtime("0000:ff:ff.9"), 50, /0000:ff:ff.9.*neither.*PCI.*auxiliary/],
    ["a driver", { pciBusID: unbound }, 50, /0000:3b:00.3.*no driver/],
    ["a link", { pciBusID: away }, 50, /0000:3b:00.4.*driver is ice.*container/],
    ["any key", {}, 7, /"device", "hwaddr", "kernelpath" or "pciBusID"/],
    ["any key, but for empty ones", { device: "", pciBusID: "" }, 7, /"device", "hwaddr"/],
    ["a name that is text", { device: 7 }, 7, /device must be a text/],
    ["an address that is one", { hwaddr: "02:00" }, 7, /hwaddr.*"02:00"/],
    ["a path below /sys/devices", { kernelpath: "/sys/class/net/dev0" }, 7, /kernelpath/],
    ["an absolute path", { kernelpath: "sys/devices/x" }, 7, /kernelpath/],
    ["a path that stays below", { kernelpath: `${root}/../../class/net/dev0` }, 7, /kernelpath/],
    ["a path without links", { kernelpath: `${root}/same` }, 7, /symbolic links.*\/same/],
    ["a PCI address that is none", { pciBusID: "../../../class/net/dev0" }, 7, /pciBusID/],
    ["an ID that is none", runtime(".."), 7, /runtimeConfig\.deviceID/],
  ] as const)(
    "for lack of %s is refused, and nothing is changed",
    ([, more, code, words], { bed }) => {
      plugIn(bed);
      const box = bed.container();
      const before = bed.snapshot();
      const { error } = bed.add("host-device", box, { ...config, ...more });
      expect(error).toMatchObject({ code, msg: expect.stringMatching(words) });
      expect(bed.leftovers(before)).toEqual([]);
    },
  );

  it("is missed by STATUS where no bus has it", ({ bed }) => {
    plugIn(bed);
    for (const more of [{ pciBusID: "0000:ff:ff.9" }, { kernelpath: `${root}/x` }, runtime("x")]) {
      expect(bed.status("host-device", { ...config, ...more }).error.code).toBe(50);
    }
    for (const more of [{ pciBusID: away }, runtime(subfunction)]) {
      expect(bed.status("host-device", { ...config, ...more })).toSucceed();
    }
  });

  it("is nothing that DEL misses", ({ bed }) => {
    plugIn(bed);
    const box = bed.container();
    const before = { ...config, pciBusID: pci };
    const prevResult = bed.add("host-device", box, before).result;
    bed.host.sh(`rm -r ${root}/${pci} /sys/bus/pci/devices/${pci}`);
    expect(bed.del("host-device", box, { ...before, prevResult })).toSucceed();
    expect(bed.host.links()).toContain("dev1");
  });
});

describe("a link that host-device gives to no container", () => {
  const routes = {
    "the IPv4 default route": "ip route add default via 203.0.113.1 dev dev0",
    "the IPv6 default route": "ip -6 route add default via fe80::1 dev dev0",
    "the second of two default routes":
      "ip route add default dev uplink0; ip route add default dev dev0 metric 9",
    "a way of a default route with several":
      "ip route add default nexthop via 198.51.100.9 dev uplink0 nexthop via 203.0.113.1 dev dev0",
  };
  const prepare = "ip address add 203.0.113.2/24 dev dev0";

  it.for(Object.entries(routes))("is %s, unless that is allowed", ([, script], { bed }) => {
    bed.host.sh(`${prepare}; ${script}`);
    const box = bed.container();
    const before = bed.snapshot();
    const uplink = { ...config, device: "dev0" };
    const { error } = bed.add("host-device", box, uplink);
    expect(error.code).toBe(7);
    expect(error.msg).toMatch(/"dev0".*default route.*cut off.*"allowUplink": true/);
    expect(bed.leftovers(before)).toEqual([]);
    expect(bed.add("host-device", box, { ...uplink, allowUplink: true })).toSucceed();
  });

  it("is the other end of a pair that the default route leads by", ({ bed }) => {
    bed.host.sh("ip address add 203.0.113.2/24 dev dev0-peer; ip route add default dev dev0-peer");
    const { error } = bed.add("host-device", bed.container(), { ...config, device: "dev0" });
    expect(error).toMatchObject({ code: 7, msg: expect.stringContaining("allowUplink") });
  });

  it.for([
    ["the loopback", "true", "lo", 7, /loopback/],
    [
      "a port of a bridge",
      "ip link add br7 type bridge; ip link set dev0 master br7",
      "dev0",
      103,
      /port of "br7".*nomaster/,
    ],
    [
      "another attachment's",
      "ip link set dev0 alias 'weft other c9 eth1'",
      "dev0",
      103,
      /"eth1" of container "c9" in network "other"/,
    ],
    ["one that the kernel does not move", "ip link add br7 type bridge", "br7", 100, /"br7"/],
  ] as const)("is %s", ([, script, device, code, words], { bed }) => {
    bed.host.sh(script);
    const box = bed.container();
    const before = bed.snapshot();
    const { error } = bed.add("host-device", box, { ...config, device });
    expect(error).toMatchObject({ code, msg: expect.stringMatching(words) });
    expect(bed.leftovers(before, sharedBy({ ...config, bridge: "none" }))).toEqual([]);
  });
});

describe("a device of host-device that a program drives", () => {
  it.for([
    ["by its driver", { pciBusID: program }, program],
    ["by the driver of the runtime's", runtime(program), program],
    ["by its driver, though another is named", { device: "dev0", pciBusID: program }, program],
    ["by the configuration", { DPDKMode: true, device: "dev0" }, undefined],
    ["by the configuration in another spelling", { dpdkmode: true, device: "dev0" }, undefined],
  ] as const)("%s stays where it is, and has addresses", ([, more, pciID], { bed }) => {
    plugIn(bed);
    const box = bed.container();
    const before = bed.snapshot();
    const own = { ...config, ...more };
    const result = bed.add("host-device", box, own).json;
    const place = pciID === undefined ? {} : { pciID };
    expect(result).toEqual({
      cniVersion: "1.1.0",
      interfaces: [{ name: "eth0", sandbox: box.netns, ...place }],
      ips: [{ address: "10.1.2.2/24", gateway: "10.1.2.1", interface: 0 }],
    });
    expect(box.links()).toEqual(["lo"]);
    const ended = { ...own, prevResult: result };
    expect(bed.check("host-device", box, ended)).toSucceed();
    expect(bed.status("host-device", own)).toSucceed();
    expect(bed.del("host-device", box, ended)).toSucceed();
    expect(bed.leftovers(before, sharedBy(own))).toEqual([]);
  });

  it("is moved if the kernel drives it, whatever the configuration says", ({ bed }) => {
    plugIn(bed);
    expect(takenBy(bed, { pciBusID: pci, DPDKMode: true })).toBe("dev1");
  });

  it("does not make DEL take a link of that name for a device", ({ bed }) => {
    plugIn(bed);
    const box = bed.container();
    box.sh("ip link add eth0 type veth peer name other");
    expect(bed.del("host-device", box, { ...config, pciBusID: program })).toSucceed();
    expect(box.links()).toContain("eth0");
    expect(address(bed, "dev0")).toBe("02:00:00:00:00:de");
  });
});

describe("the host of host-device", () => {
  it("may be one that never had an address, and so no table of routes", ({ bed }) => {
    bed.container("fresh");
    bed.host.sh("ip link set dev0 netns fresh");
    const as = [`${bed.programs}/nsenter`, "--net=/run/netns/fresh"];
    const box = bed.container();
    expect(bed.add("host-device", box, { ...config, device: "dev0" }, { as })).toSucceed();
    expect(box.links()).toContain("eth0");
  });
});
