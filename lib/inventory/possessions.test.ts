import { describe, expect, it } from "vitest";
import type { Listing, Marked } from "../net/inventory.ts";
import { type Owner, ownerAlias, ownerAliases, ownerText, ownerTexts } from "../net/owner.ts";
import { possessionsOfNetwork, possessionsOfOwner } from "./possessions.ts";

const network = `n${"e".repeat(120)}t`;
const first: Owner = { network, containerID: "c1", ifName: "eth0" };
const second: Owner = { network, containerID: "c1", ifName: "eth1" };
const other: Owner = { network, containerID: "c0", ifName: "eth0" };

function listing(
  kind: Listing["kind"],
  marksOf: Listing["marksOf"],
  things: readonly Marked[],
): Listing {
  const inWords = ({ mark }: Marked) => `${kind} ${things.findIndex((each) => each.mark === mark)}`;
  return { kind, list: (of) => (of === network ? things : []), marksOf, inWords };
}

/** The lease tells all names; the comment of so long a network is cut, and tells none. */
const leases = listing("lease", ({ containerID, ifName }) => [`${containerID} ${ifName}`], [
  { mark: "c1 eth0", containerID: "c1", ifName: "eth0" },
  { mark: "c0 eth0", containerID: "c0", ifName: "eth0" },
]);
const elements = listing("element", ownerTexts, [{ mark: ownerText(first) }]);
const links = listing("link", ownerAliases, [
  { mark: ownerAlias(second) },
  { mark: ownerAlias(first) },
]);

describe("what a network has", () => {
  it("is told by container, interface and kind, with the names of its owners", () => {
    const found = possessionsOfNetwork([leases, elements, links], network);
    expect(found.map(({ what, containerID, ifName }) => [what, containerID, ifName])).toEqual([
      ["lease 1", "c0", "eth0"],
      ["link 1", "c1", "eth0"],
      ["element 0", "c1", "eth0"],
      ["lease 0", "c1", "eth0"],
      ["link 0", "c1", "eth1"],
    ]);
  });

  it("has no names where a mark is cut and nothing else names its owner", () => {
    const [thing] = possessionsOfNetwork([elements], network);
    expect(thing).toEqual({ kind: "element", what: "element 0", mark: ownerText(first) });
  });

  it("is the container's where a mark is that of several interfaces", () => {
    const chains = listing("rule", ({ containerID }) => [`chain of ${containerID}`], [
      { mark: "chain of c1" },
      { mark: "chain of c0" },
      { mark: "chain of c7", containerID: "c7" },
    ]);
    const found = possessionsOfNetwork([links, leases, chains], network);
    const rules = found.filter(({ kind }) => kind === "rule");
    expect(rules.map(({ containerID, ifName }) => [containerID, ifName])).toEqual([
      ["c0", "eth0"],
      ["c1", undefined],
      ["c7", undefined],
    ]);
  });

  it("is nothing where another network is meant", () => {
    expect(possessionsOfNetwork([leases, elements, links], "net")).toEqual([]);
  });
});

describe("what an attachment has", () => {
  it("is what bears one of its marks, cut or not", () => {
    const all = [leases, elements, links];
    const words = (owner: Owner) => possessionsOfOwner(all, owner).map(({ what }) => what);
    expect(words(first)).toEqual(["link 1", "element 0", "lease 0"]);
    expect(words(second)).toEqual(["link 0"]);
    expect(words(other)).toEqual(["lease 1"]);
    expect(words({ ...first, containerID: "c9" })).toEqual([]);
  });
});
