/** Both files by which hosts are joined: what is written is read again, and what is wrong is named. */
import { describe, expect, it } from "vitest";
import { parseAddress } from "../../ip/address.ts";
import { formatCidr, parseCidr } from "../../ip/cidr.ts";
import { parseMac } from "../../ip/mac.ts";
import { ContractError } from "./error.ts";
import type { End, HostRecord } from "./host.ts";
import { formatNodeFile, nodeMac, nodePublicIP, nodeSubnets, openNodeFile } from "./node.ts";
import { formatPeersFile, isThisHost, type Joined, parsePeer, peersIn } from "./peers.ts";
import { vtepMac } from "./vtep-mac.ts";

function read<T>(text: string, parse: (text: string) => T | undefined): T {
  const value = parse(text);
  if (value === undefined) throw new Error(`not understood: ${text}`);
  return value;
}

const address = (text: string) => read(text, parseAddress);
const cidr = (text: string) => read(text, parseCidr);
const mac = (text: string) => read(text, parseMac);

const networks = [cidr("10.244.0.0/16"), cidr("fd10::/48")];
const own: End = {
  subnets: [cidr("10.244.1.0/24"), cidr("fd10:0:0:1::/64")],
  publicIP: address("192.0.2.1"),
  mac: mac("02:00:00:00:00:01"),
};
const joined: Joined = { vni: 1, networks, ends: [{ ...own, networks }] };

/** A host with two ends, one for each family. */
const [v4 = own, v6 = own] = own.subnets.map((subnet) => ({ ...own, subnets: [subnet] }));
const twoEnds: Joined = {
  ...joined,
  ends: [
    { ...v4, networks: networks.slice(0, 1) },
    { ...v6, publicIP: address("2001:db8::1"), networks: networks.slice(1) },
  ],
};

const host: HostRecord = {
  subnets: [cidr("10.244.2.0/24"), cidr("fd10:0:0:2::/64")],
  ends: [
    { publicIP: address("192.0.2.2") },
    { publicIP: address("2001:db8::2"), mac: mac("02:00:00:00:00:02") },
  ],
};

function errorOf(body: () => unknown): ContractError {
  try {
    body();
  } catch (cause) {
    if (cause instanceof ContractError) return cause;
    throw cause;
  }
  throw new Error("nothing was thrown");
}

describe("the peers file", () => {
  it("says what was written, with the MACs that nobody gave", () => {
    const [json] = peersIn(JSON.parse(formatPeersFile([host])), "/f");
    const ends = parsePeer(json, "[0]", twoEnds);
    expect(ends).toEqual([
      {
        subnets: host.subnets.slice(0, 1),
        publicIP: address("192.0.2.2"),
        mac: vtepMac(address("192.0.2.2"), 1),
      },
      {
        subnets: host.subnets.slice(1),
        publicIP: address("2001:db8::2"),
        mac: mac("02:00:00:00:00:02"),
      },
    ]);
  });

  it("says of a host with one end all of its subnets", () => {
    const [json] = peersIn(JSON.parse(formatPeersFile([host])), "/f");
    const [end, ...more] = parsePeer(json, "[0]", joined);
    expect([end?.subnets, more]).toEqual([host.subnets, []]);
  });

  it("may be missing, a list or an object with one, and nothing else", () => {
    expect(peersIn(undefined, "/f")).toEqual([]);
    expect(peersIn([7], "/f")).toEqual([7]);
    expect(peersIn({ peers: [7], revision: 1 }, "/f")).toEqual([7]);
    for (const wrong of ["peers", null, { revision: 1 }]) {
      expect(() => peersIn(wrong, "/f")).toThrow('Cannot use "/f": it must be a list of peers');
    }
  });

  it("may name this host as well", () => {
    const isOwn = (record: HostRecord) => {
      const [json] = peersIn(JSON.parse(formatPeersFile([record])), "/f");
      return isThisHost(parsePeer(json, "[0]", joined), joined);
    };
    const itself = { subnets: own.subnets.toReversed(), ends: [{ publicIP: own.publicIP }] };
    expect(isOwn(itself)).toBe(true);
    expect(isOwn(host)).toBe(false);
    expect(isOwn({ ...host, ends: itself.ends })).toBe(false);
  });

  const subnet = host.subnets.map(formatCidr);
  const publicIP = "192.0.2.2";
  it.each<readonly [unknown, string]>([
    [7, "Cannot use [0]: a peer must be an object"],
    [{ publicIP }, "Cannot use [0]: it must have a subnet"],
    [{ subnet }, "Cannot use [0]: it must have a publicIP"],
    [{ subnet: 7, publicIP }, "Cannot use [0].subnet: it must be a subnet like 10.244.0.0/16"],
    [
      { subnet: ["10.244.2.1/24"], publicIP },
      "Cannot use [0].subnet: it must be a subnet like 10.244.0.0/16",
    ],
    [
      { subnet: ["10.244.2.0/24", "10.244.3.0/24"], publicIP },
      "Cannot use [0].subnet: it must be one subnet of each family at most",
    ],
    [
      { subnet: ["10.9.0.0/24", subnet[1]], publicIP },
      "Cannot use [0].subnet: it must be within the network",
    ],
    [
      { subnet: "10.244.2.0/24", publicIP },
      "Cannot use [0].subnet: it must be given for fd10::/48 too",
    ],
    [
      { subnet, publicIP: "127.0.0.1" },
      "Cannot use [0].publicIP: it must be the IP address of a host",
    ],
    [
      { subnet, publicIP: "2001:db8::2" },
      "Cannot use [0]: publicIP must be of the family of this host's, 192.0.2.1",
    ],
    [
      { subnet, publicIP: "10.244.2.9" },
      "Cannot use [0]: its address is within its own subnet 10.244.2.0/24",
    ],
    [
      { subnet, publicIP, vtepMAC: "03:00:00:00:00:01" },
      "Cannot use [0].vtepMAC: it must be the hardware address of a device",
    ],
  ])("does not have %j", (json, message) => {
    expect(errorOf(() => parsePeer(json, "[0]", joined)).message).toBe(message);
  });
});

describe("the node file", () => {
  it("says what was written", () => {
    const file = openNodeFile(JSON.parse(formatNodeFile(host)), "/f");
    expect(nodeSubnets(file, networks)).toEqual(host.subnets);
    expect([0, 1].map((end) => nodePublicIP(file, end))).toEqual(
      host.ends.map(({ publicIP }) => publicIP),
    );
    expect([0, 1].map((end) => nodeMac(file, end))).toEqual([undefined, host.ends[1]?.mac]);
  });

  it("may be missing, and says nothing then", () => {
    const file = openNodeFile(undefined, "/f");
    expect(nodeSubnets(file, networks)).toEqual([]);
    expect([nodePublicIP(file, 0), nodeMac(file, 0)]).toEqual([undefined, undefined]);
  });

  it("is wrong only in what is asked for", () => {
    const file = openNodeFile({ subnet: "10.9.1.0/24", publicIP: 7, vtepMACv6: "x" }, "/f");
    expect(nodeMac(file, 0)).toBeUndefined();
    for (const [body, path, found] of [
      [() => nodeSubnets(file, networks), '"/f" subnet', "10.9.1.0/24"],
      [() => nodePublicIP(file, 0), '"/f" publicIP', 7],
      [() => nodeMac(file, 1), '"/f" vtepMACv6', "x"],
    ] as const) {
      expect(errorOf(body)).toMatchObject({ path, found });
    }
    expect(() => openNodeFile([], "/f")).toThrow('Cannot use "/f": it must be an object');
  });
});
