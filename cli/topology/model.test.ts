/** What of the facts becomes which part of the graph. */
import { describe, expect, it } from "vitest";
import { attachment, bridged, factsOf, link, within } from "./example.ts";
import type { Facts } from "./facts.ts";
import { topologyOf } from "./model.ts";

function edgesOf(facts: Partial<Facts>) {
  return topologyOf(factsOf(facts)).edges.map(
    ({ from, to, how, by }) => `${from} -${how}${by ? ` ${by}` : ""}-> ${to}`,
  );
}

function namesOf(facts: Partial<Facts>) {
  return topologyOf(factsOf(facts)).devices.map(({ name }) => name);
}

const cni0 = link(3, "cni0", { kind: "bridge" });
const eth0 = link(2, "eth0");

describe("attachments", () => {
  const veth = link(7, "veth7", { kind: "veth", master: 3, peer: 2, isPeerHere: false });
  const inside = within(2, "eth0", { kind: "veth", peer: 7, isPeerHere: false });

  it("hang on a bridge by the end that bears their alias", () => {
    const marked = { ...veth, alias: "weft pods c1 eth0" };
    expect(edgesOf({ links: [cni0, marked], attachments: [attachment("c1")] })).toEqual([
      "device cni0 -port veth7-> attachment pods/c1/eth0",
    ]);
  });

  it("hang on it by the other end of their interface, where no alias tells", () => {
    const attachments = [attachment("c1", { isThere: true, inside })];
    expect(edgesOf({ links: [cni0, veth], attachments })).toEqual([
      "device cni0 -port veth7-> attachment pods/c1/eth0",
    ]);
  });

  it("hang on it by the name that their result has, where nothing else tells", () => {
    const attachments = [attachment("c1", { hostLinks: ["cni0", "veth7"] })];
    expect(edgesOf({ links: [cni0, veth], attachments })).toEqual([
      "device cni0 -port veth7-> attachment pods/c1/eth0",
    ]);
  });

  it("have nothing of another's, where a path or a name is used again", () => {
    const others = { ...veth, alias: "weft pods c2 eth0" };
    const attachments = [
      attachment("c1", { isThere: true, inside, hostLinks: ["veth7"], addresses: ["10.1.2.3"] }),
    ];
    const { attachments: found } = topologyOf(factsOf({ links: [cni0, others], attachments }));
    expect(found).toMatchObject([{ kind: null, addresses: ["10.1.2.3"] }]);
    expect(edgesOf({ links: [cni0, others], attachments })).toEqual([
      "device cni0 -port-> device veth7",
      "host -unseen-> attachment pods/c1/eth0",
    ]);
  });

  it("of a pair alone hang on the host, and on a VRF if that has the end", () => {
    const alone = { ...veth, master: 0, alias: "weft pods c1 eth0" };
    const blue = link(4, "blue", { kind: "vrf", vrfTable: 10 });
    const attachments = [attachment("c1")];
    expect(edgesOf({ links: [alone], attachments })).toEqual([
      "host -veth veth7-> attachment pods/c1/eth0",
    ]);
    expect(edgesOf({ links: [blue, { ...alone, master: 4 }], attachments })).toEqual([
      "device blue -vrf veth7-> attachment pods/c1/eth0",
    ]);
  });

  it.each(["macvlan", "ipvlan", "vlan"])("above a link hang on it: %s", (kind) => {
    const above = within(9, "eth0", { kind, peer: 2, isPeerHere: false });
    const attachments = [attachment("c1", { isThere: true, inside: above })];
    expect(edgesOf({ links: [eth0], attachments })).toEqual([
      `device eth0 -${kind}-> attachment pods/c1/eth0`,
    ]);
  });

  it.each(["macvlan", "veth"])(
    "do not hang on a link that is another's of the index: %s",
    (kind) => {
      const links = [{ ...veth, kind: "veth", master: 0, peer: 2 }, eth0];
      const peer = kind === "veth" ? 7 : 2;
      const far = within(2, "eth0", { kind, peer, isPeerHere: false, isLinkedHome: false });
      const attachments = [attachment("c1", { isThere: true, inside: far })];
      expect(edgesOf({ links, attachments })).toEqual(["host -moved-> attachment pods/c1/eth0"]);
    },
  );

  it("are moved if their device is there itself, and unseen if nobody can tell", () => {
    const own = attachment("c1", { isThere: true, inside: within(5, "eth0") });
    expect(edgesOf({ attachments: [own, attachment("c2")] })).toEqual([
      "host -moved-> attachment pods/c1/eth0",
      "host -unseen-> attachment pods/c2/eth0",
    ]);
  });

  it("live by what is seen of them, are gone with their namespace, and else nobody knows", () => {
    const links = [{ ...veth, alias: "weft pods c1 eth0" }];
    const attachments = [
      attachment("c1", { isThere: false }),
      attachment("c2", { isThere: true }),
      attachment("c3", { isThere: false }),
      attachment("c4"),
    ];
    const found = topologyOf(factsOf({ links, attachments })).attachments;
    expect(found.map(({ isAlive }) => isAlive)).toEqual([true, true, false, null]);
  });

  it("are in a VRF if their interface is in one there", () => {
    const attachments = [
      attachment("c1", { inside: within(2, "eth0", { vrf: "blue" }) }),
      attachment("c2", { inside: within(2, "eth0") }),
      attachment("c3"),
    ];
    const found = topologyOf(factsOf({ attachments })).attachments;
    expect(found.map(({ vrf }) => vrf)).toEqual(["blue", null, null]);
  });

  it("have the addresses of their interface, or what files or rules say", () => {
    const owner = { network: "pods", containerID: "c3", ifName: "eth0" };
    const attachments = [
      attachment("c1", { inside: { ...inside, addresses: ["10.1.2.3/24"] }, addresses: ["x"] }),
      attachment("c2", { addresses: ["10.1.2.4"] }),
      attachment("c3"),
    ];
    const masquerades = [{ address: "10.1.2.5", subnet: undefined, by: "a rule", owner }];
    const found = topologyOf(factsOf({ attachments, masquerades })).attachments;
    expect(found.map(({ addresses }) => addresses)).toEqual([
      ["10.1.2.3/24"],
      ["10.1.2.4"],
      ["10.1.2.5"],
    ]);
  });
});

describe("devices", () => {
  it("are those that matter: no loopback, no helper, nothing that is down and empty", () => {
    const links = [
      link(1, "lo", { addresses: ["127.0.0.1/8"] }),
      eth0,
      cni0,
      link(5, "bwp1", { kind: "ifb", addresses: ["10.0.0.1/8"] }),
      link(6, "tunl0", { kind: "ipip", isUp: false }),
      link(7, "eth1", { addresses: ["198.51.100.1/24"] }),
      link(8, "cali1", { kind: "veth", isPeerHere: false }),
    ];
    const defaults = [{ outputs: [2], gateways: [] }];
    expect(namesOf({ links, defaults })).toEqual(["eth0", "cni0", "eth1", "cali1"]);
  });

  it("hang on each other: ports, VRFs, and VLANs", () => {
    const links = [
      { ...eth0, master: 3 },
      cni0,
      link(4, "eth1.5", { kind: "vlan", vlanId: 5, peer: 5, master: 6 }),
      link(5, "eth1"),
      link(6, "blue", { kind: "vrf", vrfTable: 10 }),
    ];
    expect(edgesOf({ links })).toEqual([
      "device cni0 -port-> device eth0",
      "device blue -vrf-> device eth1.5",
      "device eth1 -vlan-> device eth1.5",
    ]);
    expect(namesOf({ links })).toHaveLength(5);
  });

  it("are uplinks if a default route leads by them, with the gateways of all", () => {
    const defaults = [
      { outputs: [2, 5], gateways: ["192.0.2.254", "198.51.100.254"] },
      { outputs: [2], gateways: ["fe80::1", "192.0.2.254"] },
    ];
    const { devices } = topologyOf(factsOf({ links: [eth0, link(5, "eth1"), cni0], defaults }));
    expect(devices.map(({ isUplink }) => isUplink)).toEqual([true, true, false]);
    expect(devices[0]?.gateways).toEqual(["192.0.2.254", "198.51.100.254", "fe80::1"]);
  });
});

describe("overlays", () => {
  const peers = [
    { publicIP: "192.0.2.2", subnets: ["10.244.2.0/24"], isDirect: false },
    { publicIP: "192.0.2.3", subnets: ["10.244.3.0/24"], isDirect: true },
  ];
  const wrapping = { vni: 1, port: 8472, local: "192.0.2.1", uplink: 2, peers };
  const device = (name: string, alias: string) => link(9, name, { kind: "vxlan", alias });

  it("are carried by their uplink and lead to peers, which the uplink may reach itself", () => {
    const links = [eth0, device("weft.1", "weft-overlay pods 6f1d2c0000000000")];
    const overlays = [{ device: "weft.1", ...wrapping }];
    expect(edgesOf({ links, overlays })).toEqual([
      "device eth0 -carries-> device weft.1",
      "device weft.1 -wrapped-> peer weft.1 192.0.2.2",
      "device eth0 -direct-> peer eth0 192.0.2.3",
    ]);
    const { devices } = topologyOf(factsOf({ links, overlays }));
    expect(devices[1]?.overlay).toEqual({
      ...{ vni: 1, port: 8472, local: "192.0.2.1", network: "pods" },
    });
  });

  it.each([
    ["", ""],
    ["weft-overlay #0123 6f1d2c0000000000", ""],
    ["weft-overlay pods ", "pods"],
  ])("are of the network that the alias %j names: %j", (alias, network) => {
    const links = [eth0, device("flannel.1", alias)];
    const overlays = [{ device: "flannel.1", ...wrapping }];
    expect(topologyOf(factsOf({ links, overlays })).devices[1]?.overlay?.network).toBe(network);
  });
});

describe("the packet filter", () => {
  it("is in the order of ports and addresses as numbers, each with its attachment", () => {
    const { ports, masquerades, attachments } = topologyOf(bridged(12));
    expect(ports.map(({ port }) => port)).toEqual(Array.from({ length: 12 }, (_, i) => 8001 + i));
    expect(masquerades.map(({ address }) => address)[8]).toBe("10.1.0.10");
    expect(ports[3]?.of).toBe(attachments[3]?.id);
    expect(ports[3]?.address).toBeNull();
  });

  it("may be of somebody unknown", () => {
    const masquerades = [
      { address: "10.9.9.9", subnet: undefined, by: "a rule", owner: undefined },
    ];
    expect(topologyOf(factsOf({ masquerades })).masquerades).toEqual([
      { address: "10.9.9.9", subnet: null, by: "a rule", of: null },
    ]);
  });
});

it("makes a value that JSON carries", () => {
  const topology = topologyOf(bridged(3));
  expect(JSON.parse(JSON.stringify(topology))).toEqual(topology);
});
