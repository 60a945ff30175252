import { expect, it } from "vitest";
import { type Peer, PeerList } from "./peers.ts";

const peers: readonly Peer[] = [
  {
    subnets: [
      { address: Uint8Array.of(10, 244, 2, 0), prefixLength: 24 },
      { address: Uint8Array.of(0xfd, 16, ...new Uint8Array(14)), prefixLength: 64 },
    ],
    publicIP: Uint8Array.of(192, 0, 2, 2),
    mac: Uint8Array.of(2, 0, 255, 0, 0, 1),
    isDirect: true,
  },
  {
    subnets: [],
    publicIP: Uint8Array.of(0x20, 1, ...new Uint8Array(13), 1),
    mac: Uint8Array.of(2, 0, 0, 0, 0, 2),
    isDirect: false,
  },
];

it("gives back the peers that were added, in their order", () => {
  const list = new PeerList();
  for (const peer of peers) list.add(peer);
  const found: Peer[] = [];
  list.forEach((peer, number) => {
    expect(list.get(number)).toEqual(peer);
    found.push(peer);
  });
  expect(found).toEqual(peers);
  expect(() => list.get(2)).toThrow(RangeError);
});

it("leaves out those that are to be out", () => {
  const list = new PeerList();
  for (const peer of peers) list.add(peer);
  const left = list.without((number) => number === 0);
  expect([left.size, list.size]).toEqual([1, 2]);
  expect(left.get(0)).toEqual(peers[1]);
});
