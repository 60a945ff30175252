import { describe, expect, it } from "vitest";
import { parseAddress } from "../ip/address.ts";
import { parseCidr } from "../ip/cidr.ts";
import { parseMac } from "../ip/mac.ts";
import { type Entry, entriesOf, entryInWords } from "./entry.ts";
import { entryOf, keyOf, keysOf, placeOf } from "./entry-key.ts";
import { type Peer, PeerList } from "./peers.ts";

function read<T>(text: string, parse: (text: string) => T | undefined): T {
  const value = parse(text);
  if (value === undefined) throw new Error(`not understood: ${text}`);
  return value;
}

const peer: Peer = {
  subnets: ["10.244.2.0/24", "fd10:0:0:2::/64"].map((text) => read(text, parseCidr)),
  publicIP: read("192.0.2.2", parseAddress),
  mac: read("02:ab:00:ff:00:02", parseMac),
  isDirect: false,
};

/** The entries of a peer that differs in some members from the first one. */
function entriesWith(different: Partial<Peer>): readonly Entry[] {
  return entriesOf({ ...peer, ...different });
}

describe("what leads to a peer", () => {
  it("is a route and a neighbour for each subnet, behind the fdb entry of its MAC", () => {
    expect(entriesWith({}).map(entryInWords)).toEqual([
      "fdb entry 02:ab:00:ff:00:02 192.0.2.2",
      "neighbour 10.244.2.0 02:ab:00:ff:00:02",
      "neighbour fd10:0:0:2:: 02:ab:00:ff:00:02",
      "route 10.244.2.0/24 via 10.244.2.0",
      "route fd10:0:0:2::/64 via fd10:0:0:2::",
    ]);
  });

  it("is a route only where no packet has to be wrapped", () => {
    const subnets = peer.subnets.slice(0, 1);
    expect(entriesWith({ isDirect: true, subnets }).map(entryInWords)).toEqual([
      "route 10.244.2.0/24 via 192.0.2.2",
    ]);
    expect(entriesWith({ isDirect: true }).map(entryInWords)).toEqual([
      "fdb entry 02:ab:00:ff:00:02 192.0.2.2",
      "neighbour fd10:0:0:2:: 02:ab:00:ff:00:02",
      "route 10.244.2.0/24 via 192.0.2.2",
      "route fd10:0:0:2::/64 via fd10:0:0:2::",
    ]);
  });
});

describe("the key of an entry", () => {
  const all = [...entriesWith({}), ...entriesWith({ isDirect: true }).slice(-2, -1)];

  it("says the entry again", () => {
    for (const entry of all) expect(entryOf(keyOf(entry))).toEqual(entry);
    expect(new Set(all.map(keyOf)).size).toBe(all.length);
  });

  it("is made from what a list keeps as well", () => {
    const different: readonly Partial<Peer>[] = [
      {},
      { isDirect: true },
      { isDirect: true, publicIP: read("2001:db8::2", parseAddress) },
      { isDirect: true, subnets: peer.subnets.slice(0, 1) },
      { subnets: [] },
    ];
    for (const each of different) {
      const list = new PeerList();
      list.add({ ...peer, ...each });
      list.forEachPacked((packed) => {
        expect([...keysOf(packed)].sort()).toEqual(entriesWith(each).map(keyOf).sort());
      });
    }
  });

  it("has the place of what the entry replaces", () => {
    const places = (different: Partial<Peer>) =>
      entriesWith(different).map((entry) => placeOf(keyOf(entry)));
    const [fdb, ...rest] = places({});
    expect(places({ publicIP: read("192.0.2.9", parseAddress) })).toEqual([fdb, ...rest]);
    const [otherFdb, ...same] = places({ mac: read("02:00:00:00:00:09", parseMac) });
    expect(same).toEqual(rest);
    expect(otherFdb).not.toBe(fdb);
    const direct = places({ isDirect: true });
    expect(places({})).toEqual(expect.arrayContaining([...direct]));
    expect(new Set(places({})).size).toBe(5);
  });
});
