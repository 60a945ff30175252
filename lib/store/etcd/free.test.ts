/** Free subnets: each is found, and none that is taken. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Cidr, formatCidr, overlapCidrs, parseCidr } from "../../ip/cidr.ts";
import type { NetworkFamily } from "../network.ts";
import { chooseSubnet, countOf, isFit } from "./free.ts";
import { formatName, parseName } from "./keys.ts";

const cidr = (text: string) => parseCidr(text) as Cidr;

function family(network: string, subnetLength: number, first: string, last: string): NetworkFamily {
  const [from, to] = [cidr(`${first}/32`), cidr(`${last}/32`)];
  return { network: cidr(network), subnetLength, first: from.address, last: to.address };
}

const small = family("10.5.0.0/20", 24, "10.5.1.0", "10.5.15.0");

/** Numbers that go through all of [0, 1). */
const evenly = (count: number) => Array.from({ length: count }, (_, i) => () => (i + 0.5) / count);

describe("a subnet", () => {
  it("is any free one, each as likely as others", () => {
    const taken = [
      cidr("10.5.3.0/24"),
      cidr("10.5.8.0/22"),
      cidr("10.5.5.128/26"),
      cidr("10.5.15.0/24"),
    ];
    const chosen = evenly(8).map((random) => chooseSubnet(small, { taken, wished: [] }, random));
    const found = chosen.map((each) => each && formatCidr(each));
    const free = [1, 2, 4, 6, 7, 12, 13, 14].map((n) => `10.5.${n}.0/24`);
    expect(found).toEqual(free);
  });

  it("never overlaps what is taken, and is found as long as there is one", () => {
    const length = fc.integer({ min: 20, max: 30 });
    const some = fc
      .tuple(fc.nat(15), fc.nat(255), length)
      .map(([a, b, n]) => cidr(`10.5.${a}.${b}/${n}`));
    fc.assert(
      fc.property(
        fc.array(some, { maxLength: 20 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (taken, x) => {
          const all = Array.from({ length: 15 }, (_, i) => cidr(`10.5.${i + 1}.0/24`));
          const free = all.filter((each) => !taken.some((other) => overlapCidrs(each, other)));
          const chosen = chooseSubnet(small, { taken, wished: [] }, () => x);
          expect(
            chosen ? free.map(formatCidr).includes(formatCidr(chosen)) : free.length === 0,
          ).toBe(true);
        },
      ),
    );
  });

  it("is the one wished for, if it fits and is free", () => {
    const wished = [
      cidr("fd00::/64"),
      cidr("10.5.0.0/24"),
      cidr("10.5.2.0/25"),
      cidr("10.6.2.0/24"),
      cidr("10.5.2.0/24"),
      cidr("10.5.3.0/24"),
    ];
    expect(wished.map((each) => isFit(small, each))).toEqual([
      false,
      false,
      false,
      false,
      true,
      true,
    ]);
    const choose = (taken: Cidr[]) => chooseSubnet(small, { taken, wished }, () => 0);
    expect(choose([])).toEqual(cidr("10.5.2.0/24"));
    expect(choose([cidr("10.5.2.7/32")])).toEqual(cidr("10.5.3.0/24"));
  });

  it("is found in IPv6 of any size, and where lengths do not end with bytes", () => {
    const whole = { network: cidr("2001:db8::/16"), subnetLength: 67 };
    const [first, last] = [
      cidr("2001:db8::/67").address,
      cidr("2001:ffff:ffff:ffff:e000::/67").address,
    ];
    const large = { ...whole, first, last };
    expect(countOf(large)).toBe(2 ** 32);
    const taken = [cidr("2001:db8::/67")];
    expect(chooseSubnet(large, { taken, wished: [] }, () => 0)).toEqual(
      cidr("2001:db8:0:0:2000::/67"),
    );
    const odd = family("10.5.0.0/24", 26, "10.5.0.64", "10.5.0.192");
    const all = evenly(3).map((random) => chooseSubnet(odd, { taken: [], wished: [] }, random));
    expect(all.map((each) => each && formatCidr(each))).toEqual([
      "10.5.0.64/26",
      "10.5.0.128/26",
      "10.5.0.192/26",
    ]);
  });
});

describe("a name", () => {
  it.each(["10.5.34.0-24", "10.5.34.0-24&fc00:0:0:1::-64", "10.0.0.0-8&fd10::-48"])(
    "%s is read and written",
    (name) => {
      expect(formatName(parseName(name) ?? [])).toBe(name);
    },
  );

  it("of junk is none", () => {
    const near = fc.stringMatching(/^[\d.]{1,12}-\d{1,3}(&[\da-f:]{1,12}-\d{1,4})?$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), (text) => {
        const subnets = parseName(text);
        if (subnets) expect(parseName(formatName(subnets))).toEqual(subnets);
      }),
    );
  });
});
