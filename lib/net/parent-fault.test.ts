import { beforeEach, describe, expect, it, vi } from "vitest";
import { EADDRINUSE, EBUSY, EEXIST, EINVAL, EPERM } from "../host/errno.ts";
import { NetlinkError } from "../netlink/error.ts";
import { Netns } from "./netns.ts";
import { parentFault } from "./parent-fault.lazy.ts";

vi.mock("host", () => ({}));

interface Found {
  readonly index: number;
  readonly name: string;
  readonly kind: string;
  readonly peer?: number;
  readonly isPeerHere?: boolean;
  readonly isUp?: boolean;
  readonly master?: number;
  readonly vlanId?: number;
  readonly mac?: Uint8Array;
}

/** What is seen on the host; in the container there is nothing. */
const seen = vi.hoisted(() => ({ links: [] as Found[] }));
vi.mock("./link.ts", () => ({
  listLinks: (ns: Netns) => (ns.fd < 0 ? seen.links : []),
  findLink: (ns: Netns, link: number | string) =>
    ns.fd < 0 ? seen.links.find(({ index, name }) => link === index || link === name) : undefined,
  getLink: (_ns: Netns, link: number) => {
    const found = seen.links.find(({ index }) => link === index);
    if (!found) throw new Error("gone");
    return found;
  },
}));

const host = new Netns(-1, "");
const mac = Uint8Array.of(2, 0, 0, 0, 0, 7);
const uplink = { index: 7, name: "eth0", kind: "", master: 0, mtu: 1500 };
const above = { peer: 7, isPeerHere: true, isUp: true, mac };
const wanted = { name: "eth0", netns: new Netns(5, ""), kind: { kind: "macvlan" }, parent: uplink };

/** The reason in words that is seen for a refusal of a link. */
function state(errno: number, more: object = {}, text = ""): string | undefined {
  const refusal = new NetlinkError("create a link", errno, { text });
  return parentFault(host, { mtu: 0, mac, ...wanted, ...more }, refusal)?.state;
}

beforeEach(() => {
  seen.links = [uplink];
});

describe("a parent that is busy", () => {
  it("is a port, whose bridge is named", () => {
    seen.links = [
      { ...uplink, master: 9 },
      { index: 9, name: "br0", kind: "bridge" },
    ];
    expect(state(EBUSY)).toBe('"eth0" is a port of bridge "br0"');
  });

  it("has a master that takes no frames, which is not the reason", () => {
    seen.links = [
      { ...uplink, master: 9 },
      { index: 9, name: "vrf0", kind: "vrf" },
    ];
    expect(state(EBUSY)).toContain("those of another namespace");
  });

  it("has links of another kind above it, one of which is named if it is seen", () => {
    expect(state(EBUSY)).toContain("those of another namespace");
    const vlan = { ...above, index: 10, name: "eth0.5", kind: "vlan" };
    seen.links = [uplink, vlan, { ...above, index: 11, name: "ipvl0", kind: "ipvlan" }];
    expect(state(EBUSY)).toContain('(ipvlan "ipvl0")');
  });

  it("that is gone explains nothing", () => {
    seen.links = [];
    expect(state(EBUSY)).toBeUndefined();
  });
});

it("of an MTU both are named, and of what the kernel explains nothing is said", () => {
  const text = 'the MTU 9000 is larger than that of "eth0", 1500';
  expect(state(EINVAL, { mtu: 9000 })).toBe(text);
  expect(state(EINVAL, { mtu: 9000 }, "mtu less than device minimum")).toBeUndefined();
  expect(state(EPERM, { mtu: 9000 })).toBeUndefined();
});

it("of a hardware address that is up above the parent the link is named if it is seen", () => {
  const unseen = 'a link of another namespace above "eth0" has hardware address 02:00:00:00:00:07';
  expect(state(EADDRINUSE)).toBe(unseen);
  expect(state(EADDRINUSE, { kind: { kind: "ipvlan" } })).toBeUndefined(); // an address of IP
  seen.links = [uplink, { ...above, index: 10, name: "mine", kind: "macvlan", isUp: false }];
  expect(state(EADDRINUSE)).toBe(unseen);
  seen.links = [uplink, { ...above, index: 10, name: "mine", kind: "macvlan" }];
  expect(state(EADDRINUSE)).toBe('"mine" above "eth0" has hardware address 02:00:00:00:00:07');
});

describe("what exists already", () => {
  const vlan = { kind: { kind: "vlan", data: { id: 5 } } };

  it("is the VLAN, where it is seen by its name", () => {
    expect(state(EEXIST, vlan)).toBe('a link of another namespace is VLAN 5 of "eth0" already');
    seen.links = [uplink, { ...above, index: 10, name: "eth0.5", kind: "vlan", vlanId: 5 }];
    expect(state(EEXIST, vlan)).toBe('"eth0.5" is VLAN 5 of "eth0" already');
  });

  it("is the name, where it is taken or the kind is another", () => {
    expect(state(EEXIST)).toBeUndefined();
    expect(state(EEXIST, { ...vlan, netns: host })).toBeUndefined();
  });
});
