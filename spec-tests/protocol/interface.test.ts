/** P9: names of interfaces, and namespaces. */
import { describe, expect } from "vitest";
import { bridge, hostLocal, masqueraded } from "../bed/configs.ts";
import { it } from "../bed/it.ts";

const config = bridge("10.1.2.0/24");

describe("P9 interface names", () => {
  it.for(["eth0", "a.b", "x", "fifteen-bytes-x", "_-9", "é"])(
    "P9.01 P1.14 %j is the name of the container's interface",
    (ifName, { bed }) => {
      const box = bed.container();
      const { interfaces } = bed.add("bridge", box, config, { ifName }).result;
      expect(interfaces[2]).toMatchObject({ name: ifName });
      expect(box.links()).toEqual(["lo", ifName]);
      expect(bed.del("bridge", box, config, { ifName })).toSucceed();
      expect(box.links()).toEqual(["lo"]);
    },
  );

  const impossible = [
    "sixteen-bytes-xx",
    ".",
    "..",
    "a/b",
    "a:b",
    "a b",
    "a\tb",
    "a\nb",
    "a\u00a0b",
    "a\u2003b",
    "éééééééé",
    "eth%d",
    "100%",
  ];
  it.for(impossible)(
    "P9.02 P9.03 %j cannot be one: code 4, for each command",
    (ifName, { bed }) => {
      const box = bed.container();
      for (const command of ["ADD", "CHECK", "DEL"]) {
        const { error } = bed.exec("bridge", { command, config, container: box, ifName });
        expect(error.code).toBe(4);
        expect(error.msg).toContain("CNI_IFNAME");
      }
    },
  );

  it("P9.04 host ends have names of their own that begin with veth", ({ bed }) => {
    const plain = bridge("10.1.2.0/24", { ipam: { type: "host-local", subnet: "10.1.2.0/24" } });
    const names = ["a", "b", "c"].flatMap((name) => {
      const box = bed.container(name);
      return ["eth0", "eth1", "eth2"].map(
        (ifName) => bed.add("bridge", box, plain, { ifName }).result.interfaces[1]?.name,
      );
    });
    expect(new Set(names).size).toBe(9);
    for (const name of names) expect(name).toMatch(/^veth/);
  });

  it("P9.04 a host end's name that is taken is no obstacle", ({ bed }) => {
    const box = bed.container();
    const name = bed.add("bridge", box, config).result.interfaces[1]?.name ?? "";
    bed.del("bridge", box, config);
    bed.host.sh(`ip link add ${name} type bridge`);

    const again = bed.add("bridge", box, config).result.interfaces[1]?.name ?? "";
    expect(again).not.toBe(name);
    expect(bed.host.link(name)).toMatchObject({ linkinfo: { info_kind: "bridge" } });
    expect(box.ping("10.1.2.1")).toBe(true);
    expect(bed.del("bridge", box, config)).toSucceed();
    expect(bed.host.links()).toEqual(["lo", "uplink0", "br0", name]);
  });

  it("P9.05 the host may have an interface of that name", ({ bed }) => {
    const box = bed.container();
    bed.host.sh("ip link add eth0 type veth peer name other");
    bed.add("bridge", box, config).result;
    expect(box.ping("10.1.2.1")).toBe(true);
    bed.del("bridge", box, config);
    expect(bed.host.links()).toContain("eth0");
  });

  it("P9.06 loopback is always about lo", ({ bed }) => {
    const box = bed.container();
    const lo = { cniVersion: "1.1.0", name: "lo", type: "loopback" };
    expect(bed.add("loopback", box, lo, { ifName: "eth7" }).result.interfaces).toMatchObject([
      { name: "lo", mac: "00:00:00:00:00:00", sandbox: box.netns },
    ]);
    expect(box.links()).toEqual(["lo"]);
  });
});

describe("P9 namespaces", () => {
  it("P1.15 the host's side is in the namespace of the caller", ({ bed }) => {
    const box = bed.container();
    const host = bed.container("node");
    host.sh("ip link set lo up");
    const enter = `nsenter --net=${host.netns}`;
    const variables = `CNI_COMMAND=ADD CNI_CONTAINERID=c CNI_IFNAME=eth0 CNI_NETNS=${box.netns} CNI_PATH=${bed.bin}`;
    bed.host.sh(`echo '${JSON.stringify(config)}' | env ${variables} ${enter} ${bed.bin}/bridge`);
    expect(host.links()).toContain("br0");
    expect(bed.host.links()).toEqual(["lo", "uplink0"]);
    expect(box.ping("10.1.2.1")).toBe(true);
  });

  it.for(["bridge", "loopback"])(
    "P9.10 %s refuses its own namespace on ADD before it acts; on DEL it counts as gone",
    (program, { bed }) => {
      const box = bed.container();
      const before = bed.snapshot();
      const config = masqueraded("10.1.2.0/24");
      const call = { container: box, config, env: { CNI_NETNS: "/proc/self/ns/net" } };
      const { error } = bed.exec(program, { ...call, command: "ADD" });
      expect(error.code).toBe(8);
      expect(error.msg).toContain("/proc/self/ns/net");
      // The reference deletes first and then fails with code 8, each time: its runtime never ends.
      const outcome = bed.exec(program, { ...call, command: "DEL" });
      expect(outcome).toMatchObject({ exitCode: 0, stdout: "" });
      expect(bed.leftovers(before)).toEqual([]);
    },
  );

  it.for(["1", "true", "TRUE"])("P1.18 CNI_NETNS_OVERRIDE=%s allows it", (value, { bed }) => {
    const env = { CNI_NETNS: "/proc/self/ns/net", CNI_NETNS_OVERRIDE: value };
    const own = hostLocal("10.1.2.0/24");
    expect(bed.add("host-local", bed.container(), own, { env })).toSucceed();
    const lo = { cniVersion: "1.1.0", name: "lo", type: "loopback" };
    expect(bed.add("loopback", bed.container(), lo, { env }).result.interfaces).toHaveLength(1);
  });

  it("P1.18 CNI_NETNS_OVERRIDE=0 does not", ({ bed }) => {
    const env = { CNI_NETNS: "/proc/self/ns/net", CNI_NETNS_OVERRIDE: "0" };
    expect(bed.add("bridge", bed.container(), config, { env }).error.code).toBe(8);
  });

  it("P9.11 a namespace may be a bind mount, a symbolic link, or a process's", ({ bed }) => {
    const box = bed.container();
    bed.host.sh(`touch /run/bound && mount --bind ${box.netns} /run/bound`);
    bed.host.sh(`ln -s ${box.netns} /run/linked`);
    const pid = box.sh("sleep 1000 >/dev/null 2>&1 & echo $!").trim();

    for (const CNI_NETNS of ["/run/bound", "/run/linked", `/proc/${pid}/ns/net`]) {
      const result = bed.add("bridge", box, config, { env: { CNI_NETNS } }).result;
      expect(result.interfaces[2]).toMatchObject({ name: "eth0", sandbox: CNI_NETNS });
      expect(box.links()).toContain("eth0");
      const prevResult = result;
      const checked = bed.check("bridge", box, { ...config, prevResult }, { env: { CNI_NETNS } });
      expect(checked).toSucceed();
      expect(bed.del("bridge", box, config, { env: { CNI_NETNS } })).toSucceed();
      expect(box.links()).toEqual(["lo"]);
    }
    bed.host.sh(`kill ${pid}`);
  });
});
