import { expect, it } from "vitest";
import { parseCidr } from "./cidr.ts";
import { isWithin, packAddress, packCidr, packSubnet } from "./packed.ts";

it("has bytes behind their length", () => {
  expect(packAddress("10.1.255.0")).toBe("\x04\x0a\x01\xff\0");
  expect(packAddress("fd10::1")).toBe(`\x10\xfd\x10${"\0".repeat(13)}\x01`);
  expect(packSubnet("10.1.0.0/16")).toBe("\x04\x0a\x01\0\0\x10");
  expect(packCidr(parseCidr("10.1.0.0/16") as never)).toBe(packSubnet("10.1.0.0/16"));
});

it.each(["", "10.1.0", "10.1.0.0/16", "::ffff:10.1.0.0", "10.1.0.0%eth0"])(
  "has no address %j",
  (text) => {
    expect(packAddress(text)).toBeUndefined();
  },
);

it.each(["", "10.1.0.0", "10.1.0.1/16", "10.1.0.0/33", "10.1.0.0/0016", "::ffff:10.1.0.0/112"])(
  "has no subnet %j",
  (text) => {
    expect(packSubnet(text)).toBeUndefined();
  },
);

it.each([
  ["10.1.0.0/16", packAddress("10.1.2.3"), true],
  ["10.1.0.0/16", packAddress("10.2.2.3"), false],
  ["10.1.0.0/16", packSubnet("10.1.0.0/16"), true],
  ["10.1.0.0/16", packSubnet("10.1.128.0/17"), true],
  ["10.1.0.0/16", packSubnet("10.0.0.0/15"), false],
  ["0.0.0.0/0", packAddress("10.2.2.3"), true],
  ["0.0.0.0/0", packAddress("fd10::1"), false],
  ["fd10::/17", packAddress("fd10:7fff::1"), true],
  ["fd10::/17", packAddress("fd10:8000::1"), false],
])("%s has %j: %j", (network, other, isIn) => {
  expect(isWithin(packSubnet(network) ?? "", other ?? "")).toBe(isIn);
});
