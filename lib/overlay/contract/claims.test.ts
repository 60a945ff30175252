import { describe, expect, it } from "vitest";
import { parseCidr } from "../../ip/cidr.ts";
import { Claims, SPACES } from "./claims.ts";

interface Case {
  readonly title: string;
  /** What each claimant claims, by its number. */
  readonly claims: readonly string[];
  readonly wrong: readonly number[];
  /** How many of them are trusted. */
  readonly trusted?: number;
  readonly hostOf?: (claimant: number) => number;
}

/** Claims in words: subnets and addresses, or "mac 3" for the third of some hardware addresses. */
function claimsOf(texts: readonly string[]): Claims {
  const claims = new Claims();
  texts.forEach((text, claimant) => {
    for (const each of text.split(" ")) claims.add({ ...partOf(each), claimant });
  });
  return claims;
}

function partOf(text: string) {
  if (text.startsWith("mac")) {
    const address = Uint8Array.of(2, 0, 0, 0, 0, Number(text.slice(3)));
    return { space: SPACES.mac, address, prefixLength: 48 };
  }
  const cidr = parseCidr(text.includes("/") ? text : `${text}/${text.includes(":") ? 128 : 32}`);
  if (!cidr) throw new Error(text);
  return { space: cidr.address.length, ...cidr };
}

const cases: readonly Case[] = [
  { title: "what does not overlap", claims: ["10.0.1.0/24 mac1", "10.0.2.0/24 mac2"], wrong: [] },
  {
    title: "two with the same",
    claims: ["10.0.1.0/24", "10.0.1.0/24", "10.0.2.0/24"],
    wrong: [0, 1],
  },
  { title: "three with the same", claims: ["mac1", "mac1", "mac1", "mac2"], wrong: [0, 1, 2] },
  {
    title: "one in another",
    claims: ["10.0.1.128/25", "10.0.1.0/24", "10.0.0.0/24"],
    wrong: [0, 1],
  },
  {
    title: "one around several",
    claims: ["10.0.1.0/24", "10.0.0.0/16", "10.0.2.0/24"],
    wrong: [1],
  },
  {
    title: "two around several",
    claims: ["10.0.1.0/24", "10.0.0.0/16", "10.0.0.0/15", "10.0.2.0/24"],
    wrong: [1, 2],
  },
  {
    title: "one around two that are the same",
    claims: ["10.0.1.0/24", "10.0.0.0/16", "10.0.1.0/24", "10.0.3.0/24"],
    wrong: [0, 1, 2],
  },
  {
    title: "one with several parts of its own",
    claims: ["10.0.0.0/16 10.0.1.0/24 10.0.2.1"],
    wrong: [],
  },
  {
    title: "one host under two numbers",
    claims: ["10.0.1.0/24 192.0.2.1 mac1", "10.0.2.0/24 192.0.2.1 mac1"],
    hostOf: () => 0,
    wrong: [],
  },
  {
    title: "families and hardware addresses are apart",
    claims: ["::/0", "10.0.0.0/8", "mac1"],
    wrong: [],
  },
  {
    title: "a trusted one with the same",
    claims: ["10.0.1.0/24", "10.0.1.0/24"],
    trusted: 1,
    wrong: [1],
  },
  { title: "a trusted one within", claims: ["10.0.1.0/24", "10.0.0.0/16"], trusted: 1, wrong: [1] },
  { title: "a trusted one around", claims: ["10.0.0.0/16", "10.0.1.0/24"], trusted: 1, wrong: [1] },
  {
    title: "a trusted one and another within",
    claims: ["10.0.1.0/24", "10.0.0.0/16", "10.0.2.0/24"],
    trusted: 1,
    wrong: [1],
  },
  { title: "two trusted", claims: ["10.0.0.0/16", "10.0.1.0/24"], trusted: 2, wrong: [1] },
  {
    title: "two trusted, the later around",
    claims: ["10.0.1.0/24", "10.0.0.0/16"],
    trusted: 2,
    wrong: [1],
  },
];

describe("who is wrong among those that claim", () => {
  it.each(cases)("$title", ({ claims, wrong, trusted = 0, hostOf = (each: number) => each }) => {
    const claimants = { hostOf, isTrusted: (each: number) => each < trusted };
    const found = claimsOf(claims).clashes(claimants);
    expect([...found.keys()].sort()).toEqual(wrong);
    for (const [claimant, { own, other }] of found) {
      expect(own.claimant).toBe(claimant);
      expect(hostOf(other.claimant)).not.toBe(hostOf(claimant));
    }
  });

  it("is the same in whatever order they are written", () => {
    const texts = ["10.0.1.0/24", "10.0.0.0/16", "10.0.2.0/24", "10.9.0.0/16", "10.9.3.0/24"];
    const wrongIn = (order: readonly string[]) => {
      const claimants = { hostOf: (each: number) => each, isTrusted: () => false };
      const found = claimsOf(order).clashes(claimants);
      return [...found.keys()].map((claimant) => order[claimant]).sort();
    };
    const expected = ["10.0.0.0/16", "10.9.0.0/16", "10.9.3.0/24"];
    for (let turn = 0; turn < texts.length; turn++) {
      const order = [...texts.slice(turn), ...texts.slice(0, turn)];
      expect(wrongIn(order)).toEqual(expected);
      expect(wrongIn(order.reverse())).toEqual(expected);
    }
  });

  it.each(["10.0.1.0/24", "mac1"])("is found among thousands that claim %s", (same) => {
    const claimants = { hostOf: (each: number) => each, isTrusted: () => false };
    const texts = Array.from({ length: 20_000 }, () => same);
    expect(claimsOf(texts).clashes(claimants).size).toBe(texts.length);
  });
});
