/** host-device: how a device comes home, whatever became of it and of its container meanwhile. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { sendDeviceHome } from "../bed/devices.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";

const ipam = { type: "host-local", subnet: "10.1.2.0/24" };
const config: Config = {
  cniVersion: "1.1.0",
  name: "net",
  type: "host-device",
  device: "dev0",
  ipam,
};
const nobody = { "cni.dev/valid-attachments": [] };

function attach(bed: Bed, more: Config = {}): { readonly box: Container; readonly ended: Config } {
  const box = bed.container();
  const prevResult = bed.add("host-device", box, { ...config, ...more }).result;
  return { box, ended: { ...config, ...more, prevResult } };
}

/** What is of a device at home, as tests compare it. */
function device(bed: Bed, name: string) {
  const { address, mtu, ifalias, flags } = bed.host.link(name);
  return { address, mtu, ifalias, isUp: (flags as readonly string[]).includes("UP") };
}

describe("the state of a device of host-device", () => {
  const states: readonly (readonly [string, string])[] = [
    ["is up", "true"],
    ["is down", "ip link set dev0 down"],
    ["has no alias", "ip link set dev0 alias ''"],
    ["has an alias with marks", `ip link set dev0 alias 'the "first" of 4'`],
    ["has another name", "ip link set dev0 down && ip link set dev0 name enp3s0"],
  ];
  it.for(states)("comes home where it %s, whatever the container did", ([, prepare], { bed }) => {
    bed.host.sh(prepare);
    const name = prepare.includes("enp3s0") ? "enp3s0" : "dev0";
    const before = device(bed, name);
    const { box, ended } = attach(bed, { device: name });
    box.sh(`ip link set eth0 down
      ip link set eth0 mtu 1300 address 02:00:00:00:00:77 name lan
      ip link set lan up`);
    expect(bed.del("host-device", box, ended)).toMatchObject({ exitCode: 0, stderr: "" });
    expect(device(bed, name)).toEqual(before);
    expect(box.links()).toEqual(["lo"]);
  });

  it("has no alias that is too long to be kept, and all else", ({ bed }) => {
    bed.host.sh(`ip link set dev0 alias ${"a".repeat(250)}`);
    const before = device(bed, "dev0");
    const { box } = attach(bed);
    expect(bed.del("host-device", box, config)).toSucceed();
    expect(device(bed, "dev0")).toEqual({ ...before, ifalias: undefined });
  });

  it("is that of home where names of network and container are long", ({ bed }) => {
    const before = device(bed, "dev0");
    const name = "n".repeat(200);
    const box = bed.container();
    const env = { CNI_CONTAINERID: "c".repeat(200) };
    bed.add("host-device", box, { ...config, name }, { env }).result;
    expect(bed.del("host-device", box, { ...config, name })).toSucceed();
    expect(box.links()).toContain("eth0");
    expect(bed.del("host-device", box, { ...config, name }, { env })).toSucceed();
    expect(device(bed, "dev0")).toEqual(before);
  });
});

/** What brings a device to its name once the kernel has brought it home. */
const remedies: readonly (readonly [string, (bed: Bed, ended: Config) => void])[] = [
  [
    "DEL without the namespace",
    (bed, ended) => {
      const gone = { container: bed.container("gone"), config: ended };
      const env = { CNI_NETNS: "/run/netns/none", CNI_CONTAINERID: "box1-id" };
      expect(bed.exec("host-device", { command: "DEL", ...gone, env })).toSucceed();
    },
  ],
  [
    "DEL without CNI_NETNS or the result",
    (bed) => {
      const env = { CNI_NETNS: undefined, CNI_CONTAINERID: "box1-id" };
      const call = { command: "DEL", container: bed.container("gone"), config, env };
      expect(bed.exec("host-device", call)).toSucceed();
    },
  ],
  ["GC", (bed) => expect(bed.gc("host-device", { ...config, ...nobody })).toSucceed()],
  [
    "the next ADD and its DEL",
    (bed) => {
      const { box, ended } = attach(bed);
      expect(bed.del("host-device", box, ended)).toSucceed();
    },
  ],
  [
    "an ADD by its address, and its DEL",
    (bed) => {
      const { box, ended } = attach(bed, { device: undefined, hwaddr: "02:00:00:00:00:aa" });
      expect(box.link("eth0").ifalias).toContain("weft-device dev0 up 1400 02:00:00:00:00:aa ");
      expect(bed.del("host-device", box, ended)).toSucceed();
    },
  ],
];

describe("a device of host-device that the kernel brought home", () => {
  const ways = ["as the container called it", "as the kernel called it"];
  it.for(remedies.flatMap((remedy) => ways.map((way) => [...remedy, way] as const)))(
    "is what it was after %s, %#",
    ([, remedy, way], { bed }) => {
      bed.host.sh("ip link set dev0 address 02:00:00:00:00:aa");
      const before = device(bed, "dev0");
      const { box, ended } = attach(bed);
      box.sh("ip link set eth0 mtu 1300");
      sendDeviceHome(bed.host, box);
      if (way === ways[1]) bed.host.sh("ip link set eth0 name dev9");
      bed.host.sh("ip netns delete box1");
      remedy(bed, ended);
      expect(device(bed, "dev0")).toEqual(before);
      expect(bed.host.links().filter((name) => /^(eth0|dev9)$/.test(name))).toEqual([]);
    },
  );

  it("stays what a valid attachment has, for GC, and is listed", ({ bed }) => {
    const { box } = attach(bed);
    sendDeviceHome(bed.host, box);
    expect(bed.host.sh(`${bed.bin}/weft inventory net`)).toMatch(
      /^link eth0 \(at home dev0\) of eth0 of container box1-id$/m,
    );
    const valid = [{ containerID: box.containerID, ifname: "eth0" }];
    expect(bed.gc("host-device", { ...config, "cni.dev/valid-attachments": valid })).toSucceed();
    expect(bed.host.links()).toContain("eth0");
    expect(bed.gc("host-device", { ...config, ...nobody, name: "other" })).toSucceed();
    expect(bed.host.links()).toContain("eth0");
  });

  it("is not meant by the name that the container had for it", ({ bed }) => {
    const { box } = attach(bed);
    sendDeviceHome(bed.host, box);
    const run = bed.add("host-device", bed.container(), { ...config, device: "eth0" });
    expect(run.error).toMatchObject({ code: 50, msg: expect.stringContaining('"eth0"') });
  });

  it("is deleted by no GC of a bridge, though its alias names the network", ({ bed }) => {
    const { box } = attach(bed);
    sendDeviceHome(bed.host, box);
    const bridge = { ...config, ...nobody, type: "bridge", bridge: "br0" };
    expect(bed.gc("bridge", bridge)).toSucceed();
    expect(bed.del("bridge", box, bridge)).toSucceed();
    expect(bed.host.links()).toContain("eth0");
  });
});

describe("a device of host-device whose name is taken meanwhile", () => {
  it("comes home under another, which is said, and gets its own as soon as that is free", ({
    bed,
  }) => {
    const before = device(bed, "dev0");
    const { box, ended } = attach(bed);
    bed.host.sh("ip link add dev0 type veth peer name in-its-place");
    const run = bed.del("host-device", box, ended);
    expect(run).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('"dev0"') });
    expect(box.links()).toEqual(["lo"]);
    expect(bed.host.links()).toContain("dev4");
    expect(device(bed, "dev4")).toMatchObject({ address: before.address, isUp: false });

    expect(bed.gc("host-device", { ...config, ...nobody })).toSucceed();
    expect(bed.host.links()).toContain("dev4");
    bed.host.sh("ip link delete in-its-place");
    expect(bed.gc("host-device", { ...config, ...nobody })).toSucceed();
    expect(device(bed, "dev0")).toEqual(before);
  });

  it("comes home whatever name of the container's the host has as well", ({ bed }) => {
    const before = device(bed, "dev0");
    const { box, ended } = attach(bed);
    bed.host.sh("ip link add eth0 type veth peer name other");
    expect(bed.del("host-device", box, ended)).toSucceed();
    expect(device(bed, "dev0")).toEqual(before);
  });
});

describe("the alias of a device of host-device", () => {
  it.for([
    ["nothing", "''"],
    ["nonsense", "'mine, all mine'"],
  ])("may be lost: where the container wrote %s the result of ADD tells", ([, alias], { bed }) => {
    const { box, ended } = attach(bed);
    box.sh(`ip link set eth0 alias ${alias}`);
    expect(bed.del("host-device", box, config)).toSucceed();
    expect(box.links()).toContain("eth0");
    expect(bed.del("host-device", box, ended)).toSucceed();
    expect(bed.host.links()).toContain("dev0");
  });

  it("cannot make the host take the device for the link of another attachment", ({ bed }) => {
    const { box, ended } = attach(bed);
    const text = "weft-device dev0 up 1400 - net box1-id eth0";
    box.sh(`ip link set eth0 alias '${text} "weft other c9 eth0"'`);
    expect(bed.del("host-device", box, ended)).toSucceed();
    expect(device(bed, "dev0").ifalias).toBeUndefined();
  });

  it("keeps it from a late DEL of whoever had device and namespace before", ({ bed }) => {
    const { box, ended } = attach(bed);
    expect(bed.del("host-device", box, ended)).toSucceed();
    const env = { CNI_CONTAINERID: "next" };
    bed.add("host-device", box, config, { env }).result;
    expect(bed.del("host-device", box, ended)).toSucceed();
    expect(bed.gc("host-device", { ...config, ...nobody })).toSucceed();
    expect(box.links()).toContain("eth0");
    expect(bed.del("host-device", box, config, { env })).toSucceed();
    expect(bed.host.links()).toContain("dev0");
  });
});

describe("an ADD of host-device that somebody comes between", () => {
  const between = (bed: Bed, script: string) => {
    const text = `#!/bin/sh\n[ $CNI_COMMAND != ADD ] || { ${script}; }\nexec ${bed.bin}/host-local\n`;
    bed.write("/run/bed/fakes/slow", text);
    bed.host.sh("chmod 755 /run/bed/fakes/slow");
    return { ...config, ipam: { ...ipam, type: "slow" } };
  };

  it.for([
    ["takes its name", ["eth0"]],
    ["takes its name, and has one of the device's name", ["eth0", "dev0"]],
  ] as const)("and %s leaves the device at home as it was", ([, names], { bed }) => {
    bed.host.sh("ip address add 203.0.113.7/24 brd + dev dev0");
    const box = bed.container();
    const make = (name: string) => `ip -netns box1 link add ${name} type veth peer name p-${name}`;
    const slow = between(bed, names.map(make).join("; "));
    const before = bed.snapshot();
    const { error } = bed.add("host-device", box, slow);
    expect(error).toMatchObject({ code: 103, msg: expect.stringMatching(/"dev0".*"eth0".*taken/) });
    for (const name of names) box.sh(`ip link delete ${name}`);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it("and takes the device says so", ({ bed }) => {
    const slow = between(bed, "ip link set dev0 netns other");
    bed.container("other");
    const { error } = bed.add("host-device", bed.container(), slow);
    expect(error).toMatchObject({ code: 103, msg: expect.stringMatching(/"dev0".*moved/) });
    expect(bed.list("/var/lib/cni/networks/net")).not.toContain("10.1.2.2");
  });
});

describe("what the reference plugin attached, for host-device", () => {
  const withReference = needs("reference plugins");

  withReference.for([
    ["by the result of ADD", true, {}],
    ["by the configured name", false, {}],
  ] as const)("is checked, and comes home %s", ([, hasResult, more], { bed }) => {
    const box = bed.container();
    const old: Config = { ...config, ...more, cniVersion: "1.0.0" };
    const prevResult = bed.add("host-device", box, old, { from: bed.peer }).result;
    expect(box.link("eth0").ifalias).toBe("dev0");
    expect(bed.check("host-device", box, { ...old, prevResult })).toSucceed();
    const known = hasResult ? { ...old, prevResult } : old;
    for (const _ of ["once", "twice"]) expect(bed.del("host-device", box, known)).toSucceed();
    expect(device(bed, "dev0")).toMatchObject({ mtu: 1400, ifalias: undefined });
    expect(bed.list("/var/lib/cni/networks/net")).not.toContain("10.1.2.2");
  });

  withReference("comes home by the result where the device was told by its address", ({ bed }) => {
    const box = bed.container();
    bed.host.sh("ip link set dev2 address 02:00:00:00:00:aa");
    const old = { ...config, cniVersion: "1.0.0", device: undefined, hwaddr: "02:00:00:00:00:aa" };
    const prevResult = bed.add("host-device", box, old, { from: bed.peer }).result;
    expect(bed.del("host-device", box, { ...old, prevResult })).toSucceed();
    expect(bed.host.links()).toContain("dev2");
  });
});
