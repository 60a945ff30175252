import { describe, expect, it } from "vitest";
import { parseAddress } from "../../ip/address.ts";
import {
  allSets,
  clientPlace,
  familyAt,
  isClientPlace,
  portAt,
  portInWords,
  portPlace,
  sets,
  targetValue,
} from "./hostport-sets.ts";

const address = (text: string) => parseAddress(text) ?? expect.unreachable();

describe("the place of a port", () => {
  it.each([
    ["tcp", "192.0.2.1", 8080, "tcp port 8080 of 192.0.2.1"],
    ["udp", "fd00::1", 53, "udp port 53 of fd00::1"],
    ["sctp", undefined, 65535, "sctp port 65535"],
  ] as const)("%s %s %d is found again in it", (protocol, text, port, inWords) => {
    const wanted = { protocol, port, address: text === undefined ? text : address(text) };
    const maps = sets[text?.includes(":") ? 6 : 4].plain;
    const place = portPlace(text === undefined ? maps.any : maps.one, wanted);
    expect(place.key.length).toBe(place.set.keyLength);
    expect(portAt(place)).toEqual(wanted);
    expect(portInWords(portAt(place))).toBe(inWords);
    expect(isClientPlace(place)).toBe(false);
  });

  it("is in a set of its family", () => {
    expect(allSets().map((set) => familyAt({ set, key: new Uint8Array(0) }))).toEqual([
      ...[4, 4, 4, 4, 4],
      ...[6, 6, 6, 6, 6],
    ]);
  });
});

it("clients are told by the container, their network and the port", () => {
  const container = { address: address("10.1.2.3"), prefixLength: 24 };
  const place = clientPlace(container, address("10.1.2.0"), { protocol: "tcp", port: 8080 });
  expect(isClientPlace(place)).toBe(true);
  expect([...place.key]).toEqual([10, 1, 2, 3, 10, 1, 2, 0, 6, 0, 0, 0, 0x1f, 0x90, 0, 0]);
});

it("a map leads to an address and a port", () => {
  const container = { address: address("10.1.2.3"), prefixLength: 24 };
  expect([...targetValue(container, { containerPort: 80 })]).toEqual([10, 1, 2, 3, 0, 80, 0, 0]);
});
