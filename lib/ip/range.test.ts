import { describe, expect, it } from "vitest";
import { type IpAddress, parseAddress } from "./address.ts";
import { type AddressRange, overlapRanges, rangeContains, rangeSize } from "./range.ts";

function range(text: string): AddressRange {
  const [start = "", end = ""] = text.split("-");
  return { start: address(start), end: address(end) };
}

function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}

describe("rangeContains", () => {
  it.each([
    ["10.0.0.250-10.0.1.5", "10.0.0.249", false],
    ["10.0.0.250-10.0.1.5", "10.0.0.250", true],
    ["10.0.0.250-10.0.1.5", "10.0.0.255", true],
    ["10.0.0.250-10.0.1.5", "10.0.1.5", true],
    ["10.0.0.250-10.0.1.5", "10.0.1.6", false],
    ["0.0.0.0-255.255.255.255", "::", false],
    ["::-ffff::", "10.0.0.1", false],
    ["fd00::5-fd00::1:0", "fd00::ffff", true],
  ])("%s contains %s: %s", (text, member, expected) => {
    expect(rangeContains(range(text), address(member))).toBe(expected);
  });
});

describe("overlapRanges", () => {
  it.each([
    ["10.0.0.1-10.0.0.9", "10.0.0.9-10.0.0.20", true],
    ["10.0.0.1-10.0.0.9", "10.0.0.10-10.0.0.20", false],
    ["10.0.0.1-10.0.0.99", "10.0.0.10-10.0.0.20", true],
    ["0.0.0.0-255.255.255.255", "::-ffff::", false],
  ])("%s overlaps %s: %s", (a, b, expected) => {
    expect(overlapRanges(range(a), range(b))).toBe(expected);
    expect(overlapRanges(range(b), range(a))).toBe(expected);
  });
});

describe("rangeSize", () => {
  it.each([
    ["10.0.0.5-10.0.0.5", 1],
    ["10.0.0.250-10.0.1.5", 12],
    ["0.0.0.0-255.255.255.255", 2 ** 32],
    ["10.0.0.5-10.0.0.4", 0],
    ["10.0.1.5-10.0.0.250", 0],
    ["fd00::-fd00::ffff", 65536],
    ["fd00::-fd00::1f:ffff:ffff:fffd", Number.MAX_SAFE_INTEGER - 1],
    ["fd00::-fd00::1f:ffff:ffff:fffe", Number.MAX_SAFE_INTEGER],
    ["fd00::-fd00::1f:ffff:ffff:ffff", Number.MAX_SAFE_INTEGER],
    ["fd00::ffff:ffff:ffff:ffff-fd00:0:0:1::", 2],
    ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Number.MAX_SAFE_INTEGER],
    ["ffff::-::", 0],
  ])("%s holds %d", (text, size) => {
    expect(rangeSize(range(text))).toBe(size);
  });
});
