import { expect, it } from "vitest";
import { aliasWith, type Mark, overlayOwner, readAlias } from "./alias.ts";

const owner = overlayOwner("pods");
const stamp = "0123456789abcdef";
const mac = Uint8Array.of(10, 0, 0, 0, 0, 2);

it.each<Mark>([
  { mac: undefined, stamp, limits: 0 },
  { mac: undefined, stamp: "", limits: 0 },
  { mac, stamp, limits: 0 },
  { mac, stamp: "", limits: 0 },
  { mac, stamp, limits: 12 },
])("says again what it was made of: %o", (mark) => {
  expect(readAlias(owner, aliasWith(owner, mark))).toEqual(mark);
});

it.each(["", "eth0", "weft-overlay pods2 ", "weft-overlay pods something"])(
  "is not %j",
  (alias) => {
    expect(readAlias(owner, alias)).toBeUndefined();
  },
);

it("has room for the name of every network, and keeps long ones apart", () => {
  const names = ["a", "b"].map((end) => "x".repeat(254) + end);
  const [one = "", other = ""] = names.map(overlayOwner);
  expect(one).not.toBe(other);
  for (let length = 1; length < 256; length++) {
    const alias = aliasWith(overlayOwner("x".repeat(length)), { mac, stamp, limits: 99_999 });
    expect(alias.length).toBeLessThan(256);
  }
});
