import { describe, expect, it } from "vitest";
import {
  addToAddress,
  compareAddresses,
  equalAddresses,
  family,
  formatAddress,
  type IpAddress,
  isGlobalUnicast,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  nextAddress,
  parseAddress,
  previousAddress,
} from "./address.ts";

function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}

describe("parseAddress", () => {
  it.each([
    ["10.1.2.3", [10, 1, 2, 3]],
    ["255.255.255.255", [255, 255, 255, 255]],
    ["::ffff:1.2.3.4", [1, 2, 3, 4]],
    ["::", new Array(16).fill(0)],
    ["102:304:506:708:90a:b0c:d0e:f10", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]],
    ["fe80::1", [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ["1::1.2.3.4", [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]],
  ])("reads %s into bytes in network order", (text, bytes) => {
    expect(Array.from(address(text))).toEqual(bytes);
    expect(family(address(text))).toBe(bytes.length === 4 ? 4 : 6);
  });

  it("gives a mapped address a buffer of its own four bytes", () => {
    expect(address("::ffff:1.2.3.4").buffer.byteLength).toBe(4);
  });

  it.each([
    ["0.0.0.0", "0.0.0.0"],
    ["1::", "1::"],
    ["2001:DB8::1", "2001:db8::1"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:0:2:3:0:0:4", "1::2:3:0:0:4"],
    ["0:0:1:0:0:0:0:0", "0:0:1::"],
    ["10:0:0:100::", "10:0:0:100::"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["1:2:3::5:6:7:8", "1:2:3:0:5:6:7:8"],
    ["::1.2.3.4", "::102:304"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
    ["::1:2:3:4:5:1.2.3.4", "0:1:2:3:4:5:102:304"],
    ["::ffff:102:304", "1.2.3.4"],
    ["0:0:0:0:0:FFFF:10.0.0.1", "10.0.0.1"],
    ["::ffff:0.0.0.0", "0.0.0.0"],
    ["::fffe:1.2.3.4", "::fffe:102:304"],
    ["::ffff:0:1.2.3.4", "::ffff:0:102:304"],
  ])("reads %s as %s", (text, canonical) => {
    expect(formatAddress(address(text))).toBe(canonical);
  });

  it.each([
    ..."|1|1.2.3|1.2.3.4.5|1.2.3.|.1.2.3|1..2.3|1.2.3.256|1.2.3.04|00.0.0.0|16909060".split("|"),
    ..."1.2.3.-4|1.2.3.+4|1.2.3.-0|1.2.3.1e1|1.2.3.0x1|1.2.3.NaN|1.2.3.Infinity".split("|"),
    ..." | 1.2.3.4|1.2.3.4 |1.2.3.4\n|1.2.3.\u0664|1.2.3.4/24|1.2.3.4:5".split("|"),
    ...":|:::|::::|1:|:1|1::2::3|:1:2:3:4:5:6:7:8|1:2:3:4:5:6:7:8:|1:2:3:4:5:6:7".split("|"),
    ..."1:2:3:4:5:6:7:8:9|1:2:3:4::5:6:7:8|::1:2:3:4:5:6:7:8|1:2:3:4:5:6:7:8::".split("|"),
    ..."1:::2|12345::|::00001|::g|::-1|:: 1|::1\n|fe80::1%eth0|::1%|[::1]".split("|"),
    ..."1.2.3.4::|::1.2.3.4:5|::1.2.3|::01.2.3.4|::256.2.3.4|::1.2.3.4.5|::.".split("|"),
    ..."1:2:3:4:5:6:7:1.2.3.4|1:2:3:4:5:1.2.3.4|::1:2:3:4:5:6:1.2.3.4".split("|"),
  ])("refuses %j", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe("formatAddress", () => {
  it("shows a mapped address from elsewhere as mapped", () => {
    const bytes = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1);
    expect(formatAddress(bytes)).toBe("::ffff:10.0.0.1");
  });
});

describe("kinds of address", () => {
  it.each([
    ["unspecified", "0.0.0.0 ::"],
    ["loopback", "127.0.0.0 127.255.255.255 ::1"],
    ["multicast", "224.0.0.1 239.255.255.255 ff02::1 ffff::"],
    ["link-local", "169.254.0.0 169.254.255.255 fe80::1 febf:ffff::1"],
    ["global unicast", "0.0.0.1 10.1.2.3 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0"],
    ["global unicast", "192.168.1.1 223.255.255.255 240.0.0.0 255.255.255.254 255.254.255.255"],
    ["global unicast", "::2 1::1 100::1 2001:db8::1 fd00::1 fe7f::1 fec0::1 feff::1"],
    ["none", "255.255.255.255"],
  ])("%s: %s", (kind, texts) => {
    const found = texts.split(" ").map((text) => [text, kindsOf(address(text))]);
    expect(found).toEqual(texts.split(" ").map((text) => [text, kind]));
  });
});

function kindsOf(value: IpAddress): string {
  const kinds = [
    isUnspecified(value) ? ["unspecified"] : [],
    isLoopback(value) ? ["loopback"] : [],
    isMulticast(value) ? ["multicast"] : [],
    isLinkLocal(value) ? ["link-local"] : [],
    isGlobalUnicast(value) ? ["global unicast"] : [],
  ].flat();
  return kinds.join(" and ") || "none";
}

describe("address arithmetic", () => {
  it.each([
    ["10.0.0.1", 0, "10.0.0.1"],
    ["10.0.0.255", 1, "10.0.1.0"],
    ["10.255.255.255", 1, "11.0.0.0"],
    ["255.255.255.255", 1, "0.0.0.0"],
    ["10.0.1.0", -1, "10.0.0.255"],
    ["0.0.0.0", -1, "255.255.255.255"],
    ["10.0.0.1", 65536, "10.1.0.1"],
    ["10.0.0.1", 0xffffffff, "10.0.0.0"],
    ["10.0.0.1", 2 ** 32, "10.0.0.1"],
    ["fd00::ffff:ffff", 1, "fd00::1:0:0"],
    ["fd00::ffff:ffff", 2 ** 32, "fd00::1:ffff:ffff"],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 2, "::1"],
    ["::", -1, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["fd00::", -(2 ** 32), "fcff:ffff:ffff:ffff:ffff:ffff::"],
  ])("%s + %d = %s", (start, n, sum) => {
    expect(formatAddress(addToAddress(address(start), n))).toBe(sum);
  });

  it("steps to both neighbours and leaves its argument as it was", () => {
    const start = address("10.0.0.255");
    expect(formatAddress(nextAddress(start))).toBe("10.0.1.0");
    expect(formatAddress(previousAddress(start))).toBe("10.0.0.254");
    expect(formatAddress(start)).toBe("10.0.0.255");
  });
});

describe("address order", () => {
  it("puts IPv4 before IPv6 and the rest by value", () => {
    const sorted = ["0.0.0.0", "9.255.255.255", "10.0.0.2", "10.0.0.10", "255.0.0.0", "::", "2::"];
    const shuffled = [5, 2, 6, 0, 4, 1, 3].map((i) => address(sorted[i] ?? ""));
    expect(shuffled.sort(compareAddresses).map(formatAddress)).toEqual(sorted);
  });

  it("tells :: from 0.0.0.0, and calls equal what was written differently", () => {
    expect(equalAddresses(address("::"), address("0.0.0.0"))).toBe(false);
    expect(equalAddresses(address("::a"), address("0:0::A"))).toBe(true);
    expect(equalAddresses(address("::a"), address("::b"))).toBe(false);
  });
});
