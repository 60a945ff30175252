import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isAliasOf,
  isAliasOfNetwork,
  isOfNetwork,
  mayBeAliasOf,
  type Owner,
  ownerAlias,
  ownerAliases,
  ownerIn,
  ownerText,
  ownerTexts,
  quotedNames,
  quotedNetwork,
  sharedAlias,
} from "./owner.ts";

const owner: Owner = { network: "net", containerID: "box", ifName: "eth0" };
const id = "0123456789abcdef".repeat(4);
const inBytes = (text: string) => new TextEncoder().encode(text).length;

/* ---- names as the specification and the kernel allow them, with many that begin alike ---- */

const first = fc.constantFrom(..."abnAZ09");
const other = fc.constantFrom(..."abnAZ09_.-");

function nameOf(maxLength: number): fc.Arbitrary<string> {
  const any = fc
    .tuple(first, fc.array(other, { maxLength: maxLength - 1 }))
    .map(([head, tail]) => head + tail.join(""));
  const alike = fc
    .tuple(fc.integer({ min: 1, max: maxLength }), fc.constantFrom("", "a", "n"))
    .map(([length, end]) => ("n".repeat(length) + end).slice(-maxLength));
  return fc.oneof(any, alike);
}

const ifNames = fc.oneof(
  fc.constantFrom("eth0", "net1", "lo", "a".repeat(15), 'é"\\%', "#0", "%22;"),
  fc.array(fc.constantFrom(..."ab#%;."), { minLength: 1, maxLength: 15 }).map((s) => s.join("")),
);
const owners = fc.record({
  network: nameOf(255),
  containerID: fc.oneof(nameOf(64), nameOf(255)),
  ifName: ifNames,
});

/* ---- what versions up to 0.1.0 wrote, for names that are known ---- */

const long = "n".repeat(150);
const former = [
  [
    "an alias of a network of 149",
    { network: "n".repeat(149), containerID: "b".repeat(90), ifName: "eth0" },
    `weft ${"n".repeat(149)} #440e78079b534f934f52f0b8`,
  ],
  [
    "an alias of a network of 200",
    { network: "n".repeat(200), containerID: id, ifName: "eth0" },
    `weft ${long} #749829b8a6abd04b4ed6ae39`,
  ],
] as const;

/** True if an alias tells a network by its first 150 characters and 32 bits only. */
function hasPartOfNetwork(alias: string, { network }: { readonly network: string }): boolean {
  return network.length > 150 && / #[\da-f]{24}$/.test(alias);
}

describe("an alias", () => {
  it("is `weft` and the three names", () => {
    expect(ownerAlias(owner)).toBe("weft net box eth0");
    expect(ownerAliases(owner)).toEqual(["weft net box eth0"]);
  });

  it("has all names whole up to the kernel's 255 bytes, and then two hashes before them", () => {
    const network = "n".repeat(255 - `weft  ${id} eth0`.length);
    const [whole, cut] = [network, `${network}n`].map((name) =>
      ownerAlias({ ...owner, network: name, containerID: id }),
    );
    expect(whole).toBe(`weft ${network} ${id} eth0`);
    expect(cut).toMatch(/^weft #[\da-f]{32} [\da-f]{32} n+ 0$/);
    expect([whole, cut].map((alias) => alias?.length)).toEqual([255, 255]);
  });

  it("is of its owner and network and of no other, whatever their names", () => {
    fc.assert(
      fc.property(owners, owners, (a, b) => {
        const isSame = JSON.stringify(a) === JSON.stringify(b);
        expect(inBytes(ownerAlias(a))).toBeLessThanOrEqual(255);
        for (const alias of ownerAliases(a)) {
          expect(isAliasOf(alias, a)).toBe(true);
          expect(isAliasOf(alias, b)).toBe(isSame);
          const tellsNetwork = !hasPartOfNetwork(alias, a);
          expect(isAliasOfNetwork(alias, a.network)).toBe(tellsNetwork);
          expect(isAliasOfNetwork(alias, b.network)).toBe(tellsNetwork && a.network === b.network);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("is of none of the networks of 1 to 255 characters that begin or end like its own", () => {
    const networks = Array.from({ length: 255 }, (_, i) => "n".repeat(i + 1));
    for (const network of networks) {
      const whose = { network, containerID: id, ifName: "eth0" };
      for (const alias of ownerAliases(whose)) {
        const found = networks.filter((each) => isAliasOfNetwork(alias, each));
        expect(found).toEqual(hasPartOfNetwork(alias, whose) ? [] : [network]);
      }
    }
  });

  it.each(former)("of an earlier version is recognised: %s", (_what, whose, alias) => {
    expect(ownerAliases(whose)).toContain(alias);
    expect(isAliasOfNetwork(alias, whose.network)).toBe(whose.network.length <= 150);
    for (const network of [`${whose.network}n`, whose.network.slice(1), long]) {
      expect(isAliasOfNetwork(alias, network)).toBe(false);
    }
  });

  it("of somebody else is nobody's", () => {
    for (const alias of ["", "weft", "weft ", "weft net", "weft  net", "my weft net box eth0"]) {
      expect(isAliasOfNetwork(alias, "net")).toBe(false);
    }
    expect(isAliasOfNetwork("weft-overlay net 123", "net")).toBe(false);
  });
});

describe("the alias of what a network shares", () => {
  it("begins with its whole name, or with a hash where a stamp would not fit behind it", () => {
    const [fits, isLonger] = [225, 226].map((length) => "n".repeat(length));
    expect(sharedAlias("weft-overlay", fits ?? "", 16)).toBe(`weft-overlay ${fits} `);
    expect(sharedAlias("weft-overlay", isLonger ?? "", 16)).toMatch(/^weft-overlay #[\da-f]{32} $/);
  });

  it("fits, is no attachment's, and begins no other network's", () => {
    fc.assert(
      fc.property(nameOf(255), nameOf(255), (a, b) => {
        const [own, others] = [a, b].map(
          (name) => `${sharedAlias("weft-overlay", name, 16)}${"0".repeat(16)}`,
        );
        expect(own?.length).toBeLessThanOrEqual(255);
        expect(others?.startsWith(sharedAlias("weft-overlay", a, 16))).toBe(a === b);
        expect(isAliasOfNetwork(own ?? "", a)).toBe(false);
      }),
    );
  });
});

describe("the comment of an owner", () => {
  it("is the three names", () => {
    expect(ownerText(owner)).toBe("net box eth0");
    expect(ownerTexts(owner)).toEqual(["net box eth0"]);
  });

  it("has room for a container ID of 64 characters whole", () => {
    expect(ownerText({ ...owner, containerID: id })).toBe(`net ${id} eth0`);
  });

  it("is cut at 128 characters, behind hashes that tell owners apart", () => {
    const network = "n".repeat(100);
    const [one, two] = ["a", "b"].map((ifName) => ownerText({ network, containerID: id, ifName }));
    expect(one).toMatch(/^#[\da-f]{32} [\da-f]{32} n{61}$/);
    expect(one).not.toBe(two);
    expect(one?.slice(0, 34)).toBe(two?.slice(0, 34));
  });

  it("tells the names, unless it is cut or spells some of them by numbers", () => {
    expect(ownerIn(ownerText(owner))).toEqual(owner);
    expect(ownerIn(ownerText({ ...owner, network: "n".repeat(120) }))).toBeUndefined();
    expect(ownerIn(ownerText({ ...owner, ifName: 'a"' }))).toBeUndefined();
    for (const text of ["", "net box", "net box eth0 more"]) expect(ownerIn(text)).toBeUndefined();
  });

  it("spells what nft could not read back by its number", () => {
    const odd = ownerText({ ...owner, ifName: 'a"\\%é' });
    expect(odd).toBe("net box a%22;%5c;%25;%e9;");
  });

  it("is of its owner and network and of no other, whatever their names", () => {
    fc.assert(
      fc.property(owners, owners, (a, b) => {
        const isSame = JSON.stringify(a) === JSON.stringify(b);
        expect(ownerText(a) === ownerText(b)).toBe(isSame);
        expect(ownerText(a)).toMatch(/^[ -~]{1,128}$/);
        for (const text of ownerTexts(a)) {
          expect(ownerTexts(b).includes(text)).toBe(isSame);
          expect(isOfNetwork(text, a.network)).toBe(true);
          expect(isOfNetwork(text, b.network)).toBe(a.network === b.network);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("of an earlier version is recognised", () => {
    const network = "n".repeat(100);
    const [, before = ""] = ownerTexts({ network, containerID: id, ifName: "eth0" });
    expect(before).toBe(`#986e1f62932dcb27 df06271897be636f ${"n".repeat(93)}`);
    expect(isOfNetwork(before, network)).toBe(true);
    expect(isOfNetwork(before, `${network}n`)).toBe(false);
  });
});

describe("an alias and a comment", () => {
  it("are of one owner if and only if they name one, however long the names", () => {
    fc.assert(
      fc.property(owners, owners, (a, b) => {
        expect(mayBeAliasOf(ownerAlias(a), ownerText(a))).toBe(true);
        const isSame = JSON.stringify(a) === JSON.stringify(b);
        expect(mayBeAliasOf(ownerAlias(a), ownerText(b))).toBe(isSame);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([10, 100, 150, 169, 200, 255])(
    "of earlier versions are, with %d characters",
    (length) => {
      const whose = { network: "n".repeat(length), containerID: id, ifName: "eth0" };
      const [alias = "", comment = ""] = [ownerAliases(whose).at(-1), ownerTexts(whose).at(-1)];
      expect(mayBeAliasOf(alias, comment)).toBe(true);
      const other = ownerTexts({ ...whose, network: `m${whose.network.slice(1)}` }).at(-1) ?? "";
      expect(mayBeAliasOf(alias, other)).toBe(false);
    },
  );

  it("of somebody else are not", () => {
    expect(mayBeAliasOf("", "net box eth0")).toBe(false);
    expect(mayBeAliasOf("net box eth0", "net box eth0")).toBe(false);
    expect(mayBeAliasOf("weft net box eth0", "")).toBe(false);
    expect(mayBeAliasOf("weft ", "")).toBe(false);
  });
});

describe("a comment in the reference plugins' words", () => {
  it("has both names, or hashes of both where they do not fit", () => {
    expect(quotedNames(owner, 255)).toBe('name: "net" id: "box"');
    const text = quotedNames({ ...owner, network: "n".repeat(255), containerID: id }, 255);
    expect(text).toMatch(/^name: "#[\da-f]{32}" id: "#[\da-f]{32}"$/);
  });

  it("is of its network and of no other, whatever their names", () => {
    fc.assert(
      fc.property(owners, nameOf(255), (a, other) => {
        const isOf = (network: string) =>
          quotedNetwork(network).some((names) => quotedNames(a, 255).startsWith(names));
        expect(quotedNames(a, 255).length).toBeLessThanOrEqual(255);
        expect(isOf(a.network)).toBe(true);
        expect(isOf(other)).toBe(other === a.network);
      }),
    );
  });
});
