import { describe, expect, it } from "vitest";
import { collect, findStale, type Marked, type Shelf } from "./inventory.ts";
import type { Owner } from "./owner.ts";

const owner = (containerID: string): Owner => ({ network: "net", containerID, ifName: "eth0" });

/** A shelf with these marks of network "net", and what is removed from it. */
function shelfOf(...marks: readonly string[]) {
  const removed: (readonly string[])[] = [];
  const shelf: Shelf = {
    kind: "element",
    list: (network) => (network === "net" ? marks.map((mark) => ({ mark })) : []),
    marksOf: ({ containerID }) => [containerID, `old ${containerID}`],
    inWords: ({ mark }) => `element ${mark}`,
    remove: (things: readonly Marked[]) => void removed.push(things.map(({ mark }) => mark)),
  };
  return { shelf, removed };
}

describe("what is stale", () => {
  it("bears no mark that a valid attachment's things may bear, by whatever version", () => {
    const { shelf } = shelfOf("a", "old a", "b", "old b", "");
    const marks = findStale(shelf, "net", [owner("a")]).map(({ mark }) => mark);
    expect(marks).toEqual(["b", "old b", ""]);
  });

  it("is everything if nothing is valid, and nothing of another network", () => {
    const { shelf } = shelfOf("a", "b");
    expect(findStale(shelf, "net", [])).toHaveLength(2);
    expect(findStale(shelf, "other", [])).toEqual([]);
  });
});

describe("collecting", () => {
  it("removes all that is stale at once", () => {
    const { shelf, removed } = shelfOf("a", "b", "c");
    collect(shelf, "net", [owner("b")]);
    expect(removed).toEqual([["a", "c"]]);
  });

  it("removes nothing where nothing is stale", () => {
    const { shelf, removed } = shelfOf("a");
    collect(shelf, "net", [owner("a")]);
    collect(shelf, "other", []);
    expect(removed).toEqual([]);
  });
});
