import { describe, expect, it } from "vitest";
import { formatAddress, type IpAddress, parseAddress } from "./address.ts";
import {
  type Cidr,
  containsAddress,
  firstAddress,
  formatCidr,
  hasHostBits,
  hostCidr,
  lastAddress,
  networkOf,
  overlapCidrs,
  parseCidr,
} from "./cidr.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(`not a CIDR: ${text}`);
  return parsed;
}

function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}

describe("parseCidr", () => {
  it.each([
    ["10.1.2.3/24", "10.1.2.3/24", "10.1.2.0/24", "10.1.2.255"],
    ["10.1.2.3/0", "10.1.2.3/0", "0.0.0.0/0", "255.255.255.255"],
    ["10.1.2.3/32", "10.1.2.3/32", "10.1.2.3/32", "10.1.2.3"],
    ["10.1.2.3/31", "10.1.2.3/31", "10.1.2.2/31", "10.1.2.3"],
    ["10.1.2.3/08", "10.1.2.3/8", "10.0.0.0/8", "10.255.255.255"],
    ["10.255.255.255/9", "10.255.255.255/9", "10.128.0.0/9", "10.255.255.255"],
    ["10.1.2.255/25", "10.1.2.255/25", "10.1.2.128/25", "10.1.2.255"],
    ["172.31.9.9/12", "172.31.9.9/12", "172.16.0.0/12", "172.31.255.255"],
    ["2001:DB8:0::5/64", "2001:db8::5/64", "2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff"],
    [
      "2001:db8:ffff::/33",
      "2001:db8:ffff::/33",
      "2001:db8:8000::/33",
      `2001:db8${":ffff".repeat(6)}`,
    ],
    ["2001:db8::5/0", "2001:db8::5/0", "::/0", `ffff${":ffff".repeat(7)}`],
    ["2001:db8::5/128", "2001:db8::5/128", "2001:db8::5/128", "2001:db8::5"],
    ["::ffff:10.1.2.3/120", "10.1.2.3/24", "10.1.2.0/24", "10.1.2.255"],
    ["::ffff:10.1.2.3/128", "10.1.2.3/32", "10.1.2.3/32", "10.1.2.3"],
    ["::ffff:10.1.2.3/96", "10.1.2.3/0", "0.0.0.0/0", "255.255.255.255"],
  ])("reads %s as %s in %s, which ends at %s", (text, canonical, network, last) => {
    const parsed = cidr(text);
    expect(formatCidr(parsed)).toBe(canonical);
    expect(formatCidr(networkOf(parsed))).toBe(network);
    expect(`${formatAddress(firstAddress(parsed))}/${parsed.prefixLength}`).toBe(network);
    expect(formatAddress(lastAddress(parsed))).toBe(last);
    expect(hasHostBits(parsed)).toBe(canonical !== network);
    expect(hasHostBits(cidr(network))).toBe(false);
  });

  it.each([
    ..."|/|/24|24|10.1.2.3|10.1.2.3/|10.1.2.3/33|10.1.2.3/+8|10.1.2.3/-1|10.1.2.3/8 ".split("|"),
    ..."10.1.2.3/ 8|10.1.2.3/8\n|10.1.2.3 /8|10.1.2.3/8/8|10.1.2.3/8.0|10.1.2.3/1e1".split("|"),
    ..."10.1.2.3/0x8|10.1.2.3/255.0.0.0|10.1.2.3/99999999999|10.1.2/24|010.1.2.3/24".split("|"),
    ..."10.1.2.3/\u0668|2001:db8::5|2001:db8::5/129|fe80::1%eth0/64|::/".split("|"),
    ..."::ffff:10.1.2.3/129|::ffff:10.1.2.3/95|::ffff:10.1.2.3/24".split("|"),
  ])("refuses %j", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});

describe("containsAddress", () => {
  it.each([
    ["10.1.2.3/24", "10.1.2.0", true],
    ["10.1.2.3/24", "10.1.2.255", true],
    ["10.1.2.3/24", "10.1.3.0", false],
    ["10.1.2.3/23", "10.1.3.0", true],
    ["10.1.2.3/32", "10.1.2.3", true],
    ["10.1.2.3/32", "10.1.2.2", false],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["0.0.0.0/0", "::", false],
    ["::/0", "0.0.0.0", false],
    ["fd00::/8", "fdff::1", true],
    ["fd00::/8", "fc00::1", false],
    ["2001:db8::/127", "2001:db8::1", true],
    ["2001:db8::/127", "2001:db8::2", false],
  ])("%s contains %s: %s", (network, member, expected) => {
    expect(containsAddress(cidr(network), address(member))).toBe(expected);
  });
});

describe("overlapCidrs", () => {
  it.each([
    ["10.0.0.0/8", "10.1.2.0/24", true],
    ["10.1.2.3/24", "10.1.2.99/24", true],
    ["10.1.2.0/24", "10.1.3.0/24", false],
    ["10.1.2.0/25", "10.1.2.128/25", false],
    ["0.0.0.0/0", "203.0.113.9/32", true],
    ["0.0.0.0/0", "::/0", false],
    ["fd00::/64", "fd00::1/128", true],
    ["fd00::/64", "fd00:0:0:1::/64", false],
  ])("%s overlaps %s: %s", (a, b, expected) => {
    expect(overlapCidrs(cidr(a), cidr(b))).toBe(expected);
    expect(overlapCidrs(cidr(b), cidr(a))).toBe(expected);
  });
});

describe("hostCidr", () => {
  it("covers one address only", () => {
    expect(formatCidr(hostCidr(address("10.1.2.3")))).toBe("10.1.2.3/32");
    expect(formatCidr(hostCidr(address("fd00::3")))).toBe("fd00::3/128");
  });
});
