import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCidr } from "../../ip/cidr.ts";
import { ClaimIndex } from "./claim-index.ts";
import { Claims, type Part } from "./claims.ts";

function partOf(text: string): Part {
  const cidr = parseCidr(text);
  if (!cidr) throw new Error(text);
  return { space: cidr.address.length, ...cidr };
}

function indexOf(texts: readonly string[]): ClaimIndex {
  const index = new ClaimIndex();
  index.addAll(texts.map(partOf));
  return index;
}

const claimed = ["10.0.1.0/24", "10.0.2.0/24", "10.0.4.0/22", "192.0.2.1/32", "fd00::/64"];

describe("a claim", () => {
  it.each(["10.0.1.0/24", "10.0.1.128/25", "10.0.0.0/16", "10.0.5.7/32", "fd00::1/128"])(
    "%s touches another",
    (text) => expect(indexOf(claimed).touches(partOf(text))).toBe(true),
  );

  it.each(["10.0.3.0/24", "192.0.2.2/32", "192.0.2.0/32", "fd00:0:0:1::/64"])(
    "%s touches none",
    (text) => expect(indexOf(claimed).touches(partOf(text))).toBe(false),
  );

  it("that is taken back once stays as often as it was added besides", () => {
    const index = indexOf(["10.0.1.0/24", "10.0.1.0/24"]);
    index.remove(partOf("10.0.1.0/24"));
    expect(index.touches(partOf("10.0.1.0/24"))).toBe(true);
    index.remove(partOf("10.0.1.0/24"));
    index.remove(partOf("10.0.9.0/24"));
    expect(index.touches(partOf("10.0.1.0/24"))).toBe(false);
    expect(index.size).toBe(0);
  });
});

/** Few addresses, so that they often touch. */
const parts = fc
  .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 28, max: 32 }))
  .map(([last, length]) => partOf(`10.0.0.${(last >> (32 - length)) << (32 - length)}/${length}`));

it("touches one of some claims if, and only if, one of the two cannot stand with the other", () => {
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 6 }), parts, (all, part) => {
      const index = new ClaimIndex();
      for (const each of all) index.add(each);
      const clashes = all.some((each) => {
        const claims = new Claims();
        claims.add({ ...each, claimant: 1 });
        claims.add({ ...part, claimant: 2 });
        return claims.clashes({ hostOf: (n) => n, isTrusted: () => false }).size > 0;
      });
      expect(index.touches(part)).toBe(clashes);
    }),
  );
});

it("has a claim alone if, and only if, without it none would touch it", () => {
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 6 }), parts, (others, part) => {
      const index = new ClaimIndex();
      for (const each of others) index.add(each);
      const isTouched = index.touches(part);
      index.add(part);
      expect(index.isAlone(part)).toBe(!isTouched);
    }),
  );
});

it("has touching claims if, and only if, one of them touches another", () => {
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 6 }), (all) => {
      const index = new ClaimIndex();
      index.addAll(all);
      const isTouching = all.some((part, i) => {
        const others = new ClaimIndex();
        others.addAll(all.filter((_, at) => at !== i));
        return others.touches(part);
      });
      expect(index.hasTouching()).toBe(isTouching);
    }),
  );
});
