import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatAddress, parseAddress } from "../lib/ip/address.ts";
import { formatCidr } from "../lib/ip/cidr.ts";
import { formatMac } from "../lib/ip/mac.ts";
import type { Peer, PeerList } from "../lib/overlay/peers.ts";
import type { Keyed, StoreHost } from "../lib/store/store.ts";
import { cidrOf, hostOf, own } from "./fakes.ts";
import { packHost, unpackHost } from "./host-text.ts";
import { type Changes, Members } from "./members.ts";

function membersOf(...hosts: readonly Keyed[]): Members {
  const members = new Members();
  members.replaceAll(hosts);
  members.compare(own);
  return members;
}

function subnetsOf(peer: Peer | undefined): string {
  return peer ? peer.subnets.map(formatCidr).join() : "none";
}

function nameOf(peer: Peer | undefined): string {
  return peer
    ? `${subnetsOf(peer)} ${formatAddress(peer.publicIP)} ${formatMac(peer.mac)}`
    : "none";
}

function namesIn(list: PeerList | undefined): ReadonlySet<string> {
  const all = new Set<string>();
  list?.forEach((peer) => {
    all.add(nameOf(peer));
  });
  return all;
}

function inWords(changes: Changes | undefined): unknown {
  return changes?.[0]?.map(({ before, after }) => `${subnetsOf(before)} > ${subnetsOf(after)}`);
}

function subnetsIn(list: PeerList | undefined): readonly string[] {
  const all: string[] = [];
  list?.forEach((peer) => {
    all.push(subnetsOf(peer));
  });
  return all;
}

describe("a host that takes another backend", () => {
  const gateway = hostOf(2, { backend: "host-gw", vtepMac: undefined });

  it("is led to as before, and named, until it has this host's again", () => {
    const members = membersOf(["a", hostOf(2)], ["b", hostOf(3)]);
    members.change("a", gateway);
    expect(members.takeChanges()?.[0]).toEqual([
      { before: expect.anything(), after: expect.anything() },
    ]);
    expect(members.leftOut.join()).toContain(
      'its backend is "host-gw" now; what leads to it stays',
    );
    expect(subnetsIn(members.compare(own).lists[0])).toEqual(["10.244.2.0/24", "10.244.3.0/24"]);
    members.change("a", hostOf(2, { publicIP: parseAddress("192.0.2.22") }));
    expect(nameOf(members.takeChanges()?.[0]?.[0]?.after)).toContain("192.0.2.22");
    expect(members.leftOut).toEqual([]);
  });

  it("is led to by a route if it is on this host's link, and by nothing else", () => {
    const members = new Members();
    members.replaceAll([["a", hostOf(2)]]);
    const onLink = { ...own, links: [cidrOf("192.0.2.0/24")] };
    const isDirect = () => members.compare(onLink).lists.map((list) => list.get(0).isDirect);
    expect(isDirect()).toEqual([false]);
    members.change("a", gateway);
    expect(members.takeChanges()?.[0]).toMatchObject([
      { before: { isDirect: false }, after: { isDirect: true } },
    ]);
    expect(members.leftOut.join()).toContain('its backend is "host-gw", and this host\'s "vxlan"');
    expect([...members.inJson(onLink)]).toEqual([]);
    members.change("a", hostOf(2, { backend: "" }));
    expect(members.takeChanges()?.[0]).toMatchObject([{ after: { isDirect: false } }]);
    members.change("a", gateway);
    members.compareAgain();
    expect(isDirect()).toEqual([true]);
    members.change("a", hostOf(2));
    expect(isDirect()).toEqual([false]);
    expect(members.leftOut).toEqual([]);
  });

  it("is led to by nothing once it is gone, also if all are told anew", () => {
    const members = membersOf(["a", hostOf(2)], ["b", hostOf(3)]);
    members.replaceAll([["a", gateway]]);
    expect(subnetsIn(members.compare(own).lists[0])).toEqual(["10.244.2.0/24"]);
    members.change("a", undefined);
    expect(inWords(members.takeChanges())).toEqual(["10.244.2.0/24 > none"]);
    expect(members.leftOut).toEqual([]);
  });

  it("is left out if it had it from the beginning", () => {
    const members = membersOf(["a", gateway]);
    expect(members.compare(own).lists[0]?.size).toBe(0);
    expect(members.leftOut.join()).toContain('its backend is "host-gw"');
  });
});

describe("changes", () => {
  it("are of one host each", () => {
    const members = membersOf(["a", hostOf(2)], ["b", hostOf(3)]);
    members.change("c", hostOf(4));
    members.change("a", undefined);
    expect(inWords(members.takeChanges())).toEqual([
      "none > 10.244.4.0/24",
      "10.244.2.0/24 > none",
    ]);
    expect(members.size).toBe(2);
  });

  it("are none if a host is as it was", () => {
    const members = membersOf(["a", hostOf(2)]);
    expect(members.change("a", hostOf(2))).toBe(false);
    expect(members.hasChanges).toBe(false);
  });

  it("of one host are one", () => {
    const members = membersOf(["a", hostOf(2)]);
    members.change("a", undefined);
    members.change("a", hostOf(2, { subnets: [cidrOf("10.244.9.0/24")] }));
    expect(inWords(members.takeChanges())).toEqual(["10.244.2.0/24 > 10.244.9.0/24"]);
  });

  it("by which a host takes what another leaves are sent one by one", () => {
    const members = membersOf(["a", hostOf(2)]);
    members.change("b", hostOf(2));
    members.change("a", undefined);
    expect(inWords(members.takeChanges())).toHaveLength(2);
  });

  it.each<readonly [what: string, host: StoreHost]>([
    ["the subnet of another", hostOf(3, { subnets: [cidrOf("10.244.2.0/24")] })],
    ["a part of it", hostOf(3, { subnets: [cidrOf("10.244.2.128/25")] })],
    ["the address of another", hostOf(3, { publicIP: hostOf(2).publicIP })],
    ["the hardware address of another", hostOf(3, { vtepMac: hostOf(2).vtepMac })],
    ["this host's subnet", hostOf(3, { subnets: [cidrOf("10.244.1.0/24")] })],
    ["this host's address", hostOf(3, { publicIP: hostOf(1).publicIP })],
    ["this host's hardware address", hostOf(3, { vtepMac: hostOf(1).vtepMac })],
  ])("by which a host claims %s make all be compared", (_, host) => {
    const members = membersOf(["a", hostOf(2)]);
    members.change("b", host);
    expect(members.takeChanges()).toBeUndefined();
    const { lists, leftOut } = members.compare(own);
    const isOfThisHost = subnetsIn(lists[0]).length === 1;
    expect(leftOut).toHaveLength(isOfThisHost ? 1 : 2);
  });
});

describe("who cannot be used", () => {
  it.each<readonly [fault: string, host: StoreHost]>([
    ['its backend is "host-gw", not "vxlan"', hostOf(2, { backend: "host-gw" })],
    ["within the network", hostOf(2, { subnets: [cidrOf("10.9.0.0/24")] })],
    ["has no IPv4 address", hostOf(2, { publicIP: undefined })],
    ["is within its own subnet", hostOf(2, { publicIP: cidrOf("10.244.2.7/32").address })],
    ["does not say the hardware address", hostOf(2, { vtepMac: undefined })],
    ["does not say the hardware address", hostOf(2, { vtepMac: new Uint8Array(6) })],
  ])("is left out and named: %s", (fault, host) => {
    const members = membersOf(["bad", host], ["good", hostOf(3)]);
    expect(members.leftOut.join()).toContain('Cannot use host "bad"');
    expect(members.leftOut.join()).toContain(fault);
    expect(members.size).toBe(1);
    members.change("bad", hostOf(2));
    expect(inWords(members.takeChanges())).toEqual(["none > 10.244.2.0/24"]);
    expect(members.leftOut).toEqual([]);
  });
});

it("keeps what it had if a list breaks off", () => {
  const members = membersOf(["a", hostOf(2)]);
  const broken = function* (): Iterable<Keyed> {
    yield ["b", hostOf(3)];
    throw new Error("it broke off");
  };
  expect(() => members.replaceAll(broken())).toThrow("it broke off");
  expect(subnetsIn(members.compare(own).lists[0])).toEqual(["10.244.2.0/24"]);
});

/** Few of everything, so that hosts often claim the same. */
const few = fc.integer({ min: 1, max: 6 });
const hosts = fc
  .tuple(few, few, few)
  .map(([subnet, address, mac]) =>
    hostOf(address, { subnets: hostOf(subnet).subnets, vtepMac: hostOf(mac).vtepMac }),
  );
const steps = fc.array(
  fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.option(hosts, { nil: undefined })), {
    minLength: 1,
    maxLength: 3,
  }),
);

it("comes to the same by changes as by comparing all", () => {
  fc.assert(
    fc.property(steps, (bunches) => {
      const members = membersOf();
      let now: ReadonlySet<string> = new Set();
      const all = new Map<string, StoreHost>();
      for (const bunch of bunches) {
        for (const [key, host] of bunch) {
          members.change(key, host);
          if (host) all.set(key, host);
          else all.delete(key);
        }
        now = applied(now, members);
        const compared = membersOf(...all).compare(own);
        expect(now).toEqual(namesIn(compared.lists[0]));
      }
    }),
  );
});

function applied(was: ReadonlySet<string>, members: Members): ReadonlySet<string> {
  const changes = members.hasChanges ? members.takeChanges() : [];
  if (!changes) return namesIn(members.compare(own).lists[0]);
  const now = new Set(was);
  for (const { before } of changes[0] ?? []) now.delete(nameOf(before));
  for (const { after } of changes[0] ?? []) if (after) now.add(nameOf(after));
  return now;
}

it("packs hosts without losing anything", () => {
  for (const host of [hostOf(2), hostOf(3, { backend: "", publicIPv6: new Uint8Array(16) })]) {
    expect(unpackHost(packHost(host))).toEqual(host);
  }
});
