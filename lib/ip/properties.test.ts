/** What holds for every address, and what `ip-num`, an independent implementation, says too. */
import fc from "fast-check";
import { IPv4, IPv4CidrRange, IPv6, IPv6CidrRange } from "ip-num";
import { describe, expect, it } from "vitest";
import {
  addToAddress,
  compareAddresses,
  equalAddresses,
  formatAddress,
  type IpAddress,
  isLoopback,
  isMulticast,
  isUnspecified,
  nextAddress,
  parseAddress,
  previousAddress,
} from "./address.ts";
import {
  type Cidr,
  containsAddress,
  firstAddress,
  formatCidr,
  hasHostBits,
  lastAddress,
  networkOf,
  overlapCidrs,
  parseCidr,
} from "./cidr.ts";
import { formatMac, parseMac } from "./mac.ts";
import { overlapRanges, rangeContains, rangeSize } from "./range.ts";

const MANY = { seed: 20, numRuns: 3000 };

/** Bytes with many zeros and ones, so that gaps, carries and shared prefixes are common. */
const byte = fc.oneof(fc.constantFrom(0, 0, 255), fc.integer({ min: 0, max: 255 }));
const ipv4 = bytes(4);
const ipv6 = bytes(16).filter((a) => numberOf(a) >> 32n !== 0xffffn);
const address = fc.oneof(ipv4, ipv6);
const cidr = fc.oneof(cidrs(ipv4, 32), cidrs(ipv6, 128));

/** Two of one family, the second often sharing the start of the first. */
const pair = fc
  .tuple(cidr, fc.oneof(bytes(1), bytes(3), bytes(16)), fc.nat({ max: 128 }))
  .map(([a, tail, length]): readonly [Cidr, Cidr] => {
    const end = tail.slice(-a.address.length);
    const near = a.address.slice();
    near.set(end, near.length - end.length);
    return [a, { address: near, prefixLength: length % (a.address.length * 8 + 1) }];
  });

function bytes(length: number) {
  return fc.array(byte, { minLength: length, maxLength: length }).map((b) => Uint8Array.from(b));
}

function cidrs(addresses: fc.Arbitrary<Uint8Array>, max: number): fc.Arbitrary<Cidr> {
  return fc.record({ address: addresses, prefixLength: fc.integer({ min: 0, max }) });
}

function numberOf(value: IpAddress): bigint {
  return value.reduce((sum, next) => sum * 256n + BigInt(next), 0n);
}

function oracle(text: string): IPv4 | IPv6 {
  return text.includes(":") ? IPv6.fromString(text) : IPv4.fromString(text);
}

function oracleOf(value: IpAddress): IPv4 | IPv6 {
  const number = numberOf(value);
  return value.length === 4 ? IPv4.fromNumber(number) : IPv6.fromBigInt(number);
}

function oracleRange(value: Cidr): readonly [bigint, bigint] {
  const text = `${oracleOf(value.address)}/${value.prefixLength}`;
  const is4 = value.address.length === 4;
  const range = is4 ? IPv4CidrRange.fromCidr(text) : IPv6CidrRange.fromCidr(text);
  return [range.getFirst().getValue(), range.getLast().getValue()];
}

function forAll<T>(values: fc.Arbitrary<T>, check: (value: T) => void): void {
  fc.assert(fc.property(values, check), MANY);
}

describe("lib/ip and ip-num agree", () => {
  it("on the value of a text, long or short", () => {
    forAll(address, (a) => {
      const long = oracleOf(a).toString();
      expect(parseAddress(long)).toEqual(a);
      expect(oracle(formatAddress(a)).getValue()).toBe(numberOf(a));
    });
  });

  it("on the neighbours", () => {
    forAll(address, (a) => {
      const theirs = oracleOf(a);
      if (theirs.hasNext()) {
        expect(numberOf(nextAddress(a))).toBe(theirs.nextIPNumber().getValue());
      }
      if (theirs.hasPrevious()) {
        expect(numberOf(previousAddress(a))).toBe(theirs.previousIPNumber().getValue());
      }
    });
  });

  it("on loopback, multicast and unspecified", () => {
    const first = fc.constantFrom(0, 126, 127, 128, 223, 224, 239, 240, 255);
    const edge = fc.tuple(first, address).map(([b, a]) => Uint8Array.of(b, ...a.slice(1)));
    const few = fc.constantFrom(...["0.0.0.0", "::", "::1", "::2"].map((text) => read(text)));
    forAll(fc.oneof(address, few, edge), (a) => {
      const theirs = oracleOf(a);
      expect(isLoopback(a)).toBe(theirs.isLoopback());
      expect(isMulticast(a)).toBe(theirs.isMulticast());
      expect(isUnspecified(a)).toBe(theirs.isUnspecified());
    });
  });

  it("on the first and last address of a network", () => {
    forAll(cidr, (c) => {
      const [first, last] = oracleRange(c);
      expect(numberOf(firstAddress(c))).toBe(first);
      expect(numberOf(lastAddress(c))).toBe(last);
      expect(hasHostBits(c)).toBe(first !== numberOf(c.address));
    });
  });

  it("on what a network contains and overlaps", () => {
    const seen = { overlap: 0, apart: 0 };
    forAll(pair, ([a, b]) => {
      const [first, last] = oracleRange(a);
      const [otherFirst, otherLast] = oracleRange(b);
      const value = numberOf(b.address);
      const overlap = first <= otherLast && otherFirst <= last;
      expect(containsAddress(a, b.address)).toBe(first <= value && value <= last);
      expect(overlapCidrs(a, b)).toBe(overlap);
      expect(overlapRanges(rangeOf(a), rangeOf(b))).toBe(overlap);
      expect(rangeContains(rangeOf(a), b.address)).toBe(first <= value && value <= last);
      seen[overlap ? "overlap" : "apart"]++;
    });
    expect(Math.min(seen.overlap, seen.apart)).toBeGreaterThan(300);
  });

  it("on order and size", () => {
    forAll(pair, ([a, b]) => {
      const distance = numberOf(b.address) - numberOf(a.address);
      const cap = BigInt(Number.MAX_SAFE_INTEGER);
      const size = distance < 0n ? 0n : distance >= cap ? cap : distance + 1n;
      expect(BigInt(Math.sign(compareAddresses(b.address, a.address)))).toBe(signOf(distance));
      expect(equalAddresses(a.address, b.address)).toBe(distance === 0n);
      expect(BigInt(rangeSize({ start: a.address, end: b.address }))).toBe(size);
    });
  });
});

function read(text: string): Uint8Array {
  return parseAddress(text) ?? new Uint8Array();
}

function rangeOf(value: Cidr) {
  return { start: firstAddress(value), end: lastAddress(value) };
}

function signOf(value: bigint): bigint {
  return value === 0n ? 0n : value < 0n ? -1n : 1n;
}

describe("every value", () => {
  it("survives formatting and parsing", () => {
    forAll(cidr, (c) => {
      expect(parseAddress(formatAddress(c.address))).toEqual(c.address);
      expect(parseCidr(formatCidr(c))).toEqual(c);
      expect(parseCidr(formatCidr(networkOf(c)))).toEqual(networkOf(c));
    });
    forAll(bytes(6), (mac) => {
      expect(parseMac(formatMac(mac))).toEqual(mac);
    });
  });

  it("is found again by adding n and taking it away", () => {
    const n = fc.integer({ min: -(2 ** 32), max: 2 ** 32 });
    forAll(fc.tuple(address, n), ([a, step]) => {
      const there = addToAddress(a, step);
      const bits = a.length * 8;
      expect(numberOf(there)).toBe(BigInt.asUintN(bits, numberOf(a) + BigInt(step)));
      expect(addToAddress(there, -step)).toEqual(a);
    });
  });

  it("is formatted in one way: what parses has a canonical text that parses to itself", () => {
    const seen = { parsed: 0, refused: 0 };
    const piece = fc.constantFrom(...":|::|.|/|%|0|1|ff|ffff|10|255|256|00|a|G|-| |é".split("|"));
    const noise = fc.array(piece, { maxLength: 16 }).map((pieces) => pieces.join(""));
    const text = fc.oneof(noise, fc.string({ unit: "binary" }), fc.tuple(cidr, piece).map(damage));
    forAll(text, (garbage) => {
      const [a, c, mac] = [parseAddress(garbage), parseCidr(garbage), parseMac(garbage)];
      if (a !== undefined) expect(parseAddress(formatAddress(a))).toEqual(a);
      if (c !== undefined) expect(parseCidr(formatCidr(c))).toEqual(c);
      if (mac !== undefined) expect(mac.length).toBe(6);
      seen[a === undefined && c === undefined ? "refused" : "parsed"]++;
    });
    expect(Math.min(seen.parsed, seen.refused)).toBeGreaterThan(100);
  });
});

function damage([value, piece]: readonly [Cidr, string]): string {
  const text = formatCidr(value);
  const at = value.prefixLength % text.length;
  return text.slice(0, at) + piece + text.slice(at + 1);
}
