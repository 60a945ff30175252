/** tap, as a virtual machine uses it: who may attach and how, and frames that go both ways. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import type { Config } from "../bed/invocation.ts";
import { needs } from "../bed/kernel.ts";
import { attaching, MULTI_QUEUE, NO_PI, startMachine, VNET_HDR } from "../bed/machine.ts";

const it = needs("tap");
const config: Config = { cniVersion: "1.1.0", name: "net", type: "tap" };
const ipam = { type: "host-local", subnet: "10.1.2.0/24" };

function attach(bed: Bed, more: Config): Container {
  const box = bed.container();
  bed.add("tap", box, { ...config, ...more }).result;
  return box;
}

/** A bridge in a container, with an address and a neighbour behind another port. */
function bridged(bed: Bed, more: Config = {}): Container {
  const box = bed.container();
  bed.container("neighbour");
  bed.host.sh(`
    ip -netns ${box.name} link add br0 up type bridge
    ip -netns ${box.name} address add 10.1.2.1/24 dev br0
    ip link add port0 netns ${box.name} type veth peer name eth0 netns neighbour
    ip -netns ${box.name} link set port0 up master br0
    ip -netns neighbour address add 10.1.2.2/24 dev eth0
    ip -netns neighbour link set eth0 up`);
  bed.add("tap", box, { ...config, bridge: "br0", ...more }).result;
  return box;
}

const info = (box: Container) =>
  (box.link("eth0").linkinfo as { readonly info_data?: unknown }).info_data;

describe("frames", () => {
  it("go from the container's bridge to the machine of an unprivileged user and back", ({
    bed,
  }) => {
    const box = bridged(bed, { owner: 107, group: 107, mtu: 1400 });
    const machine = startMachine(box, { tap: "eth0", user: 107 });
    box.until(`ping -c 1 -W 1 ${machine.address}`);
    expect(box.sh(`ip neighbour show ${machine.address}`)).toContain(machine.mac);
    expect(box.ping(machine.address, "-M do -s 1372")).toBe(true);
    expect(box.ping(machine.address, "-M do -s 1373")).toBe(false);
  });

  it("go from another port of the bridge to the machine and back", ({ bed }) => {
    const box = bridged(bed, { owner: 107 });
    const machine = startMachine(box, { tap: "eth0", user: 107 });
    bed.host.until(`ip netns exec neighbour ping -c 1 -W 1 ${machine.address}`);
  });

  it("go from the tap's own address to the machine and back, without a bridge", ({ bed }) => {
    const box = attach(bed, { owner: 107, ipam });
    const machine = startMachine(box, { tap: "eth0", user: 107 });
    box.until(`ping -c 1 -W 1 ${machine.address}`);
    machine.stop();
    expect(box.ping(machine.address)).toBe(false);
  });

  it("go to one machine after another", ({ bed }) => {
    const box = attach(bed, { owner: 107, ipam });
    for (const _ of ["first", "second"]) {
      const machine = startMachine(box, { tap: "eth0", user: 107 });
      box.until(`ping -c 1 -W 1 ${machine.address}`);
      machine.stop();
      box.until("ip link show dev eth0 | grep NO-CARRIER");
    }
  });
});

describe("who may attach without privileges", () => {
  const denied = "Operation not permitted";
  it.for([
    ["the owner", { owner: 107 }, { user: 107 }, ""],
    ["another than the owner", { owner: 107 }, { user: 108 }, denied],
    ["a member of the group", { group: 107 }, { user: 108, group: 107 }, ""],
    ["another than the group's members", { group: 107 }, { user: 107, group: 108 }, denied],
    ["the owner in the group", { owner: 107, group: 108 }, { user: 107, group: 108 }, ""],
    ["the owner without the group", { owner: 107, group: 108 }, { user: 107 }, denied],
    ["root by number 0 alone, as owner", { owner: 0 }, { user: 107 }, denied],
    ["root, whoever owns it", { owner: 107, group: 107 }, { user: 0 }, ""],
    ["the largest number there is", { owner: 4294967294 }, { user: 107 }, denied],
    ["everybody, where there is none", {}, { user: 107 }, ""],
  ] as const)("%s", ([, more, who, outcome], { bed }) => {
    const box = attach(bed, more);
    expect(attaching(box, { tap: "eth0", ...who })).toBe(outcome);
  });
});

describe("how it attaches", () => {
  it("is its own choice: with the header for offloads, which the tap has from then on", ({
    bed,
  }) => {
    const box = attach(bed, { owner: 107, ipam });
    expect(info(box)).toMatchObject({ vnet_hdr: false, pi: false });
    const flags = NO_PI | VNET_HDR;
    const machine = startMachine(box, { tap: "eth0", user: 107, flags, header: 10 });
    box.until(`ping -c 1 -W 1 ${machine.address}`);
    expect(info(box)).toMatchObject({ vnet_hdr: true, pi: false });
    machine.stop();
    const plain = startMachine(box, { tap: "eth0", user: 107 });
    box.until(`ping -c 1 -W 1 ${plain.address}`);
    expect(info(box)).toMatchObject({ vnet_hdr: false });
  });

  it("is its own choice: with the header for protocols", ({ bed }) => {
    const box = attach(bed, { owner: 107, ipam });
    const machine = startMachine(box, { tap: "eth0", user: 107, flags: 0, header: 4 });
    box.until(`ping -c 1 -W 1 ${machine.address}`);
  });

  it("has as many queues as it likes, if they were asked for", ({ bed }) => {
    const box = attach(bed, { owner: 107, multiQueue: true, ipam });
    const flags = NO_PI | MULTI_QUEUE;
    const machine = startMachine(box, { tap: "eth0", user: 107, flags });
    expect(attaching(box, { tap: "eth0", user: 107, flags })).toBe("");
    box.until(`ping -c 1 -W 1 ${machine.address}`);
  });

  it.for([
    [true, NO_PI],
    [false, NO_PI | MULTI_QUEUE],
  ] as const)(
    "is refused where multiQueue is %s and it asks for the other",
    ([multiQueue, flags], { bed }) => {
      const box = attach(bed, { owner: 107, multiQueue });
      expect(attaching(box, { tap: "eth0", user: 107, flags })).toBe("Invalid argument");
      expect(attaching(box, { tap: "eth0", user: 107, flags: flags ^ MULTI_QUEUE })).toBe("");
    },
  );

  it("is one at a time where there is one queue", ({ bed }) => {
    const box = attach(bed, { owner: 107, ipam });
    startMachine(box, { tap: "eth0", user: 107 });
    expect(attaching(box, { tap: "eth0", user: 107 })).toBe("Device or resource busy");
  });
});

describe("a running machine", () => {
  it("does not keep DEL from taking its tap away", ({ bed }) => {
    const box = attach(bed, { owner: 107, ipam });
    const machine = startMachine(box, { tap: "eth0", user: 107 });
    expect(bed.del("tap", box, { ...config, ipam })).toSucceed();
    expect(box.links()).toEqual(["lo"]);
    machine.untilGone();
  });

  it("makes no difference to CHECK", ({ bed }) => {
    const box = bed.container();
    const whole = { ...config, owner: 107, ipam };
    const prevResult = bed.add("tap", box, whole).result;
    startMachine(box, { tap: "eth0", user: 107, flags: NO_PI | VNET_HDR });
    expect(bed.check("tap", box, { ...whole, prevResult })).toSucceed();
  });

  it("gives the container no routes by router advertisements", ({ bed }) => {
    const box = attach(bed, { owner: 107 });
    expect(box.sysctl("net/ipv6/conf/eth0/accept_ra")).toBe("0");
  });
});
