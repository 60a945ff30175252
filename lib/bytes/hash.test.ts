import { expect, it } from "vitest";
import { hash32, hash32Hex, hash64 } from "./hash.ts";

it("gives the same 64 bits in one pass as 32 bits twice", () => {
  for (const text of ["", "a", "mybridge/1234567890/eth0", "ü\u{1f980}"]) {
    expect(hash64(text)).toEqual({ low: hash32(text), high: hash32(text, 1) });
  }
});

it("spreads names that differ in one character", () => {
  const names = Array.from({ length: 10_000 }, (_, i) => `net/container-${i}/eth0`);
  expect(new Set(names.map((name) => hash32Hex(name))).size).toBeGreaterThan(9_995);
});

it("writes eight digits, also with leading zeros", () => {
  const texts = Array.from({ length: 1000 }, (_, i) => hash32Hex(`${i}`));
  expect(texts.every((text) => /^[0-9a-f]{8}$/.test(text))).toBe(true);
  expect(texts.some((text) => text.startsWith("0"))).toBe(true);
});
