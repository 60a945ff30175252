import { describe, expect, it } from "vitest";
import {
  comment,
  deletionOf,
  hasChain,
  insertionOf,
  jumpsTo,
  newChains,
  optionOf,
  parseRule,
  rulesIn,
} from "./rule.ts";

describe("a rule of iptables", () => {
  it("is taken apart", () => {
    const line = '-A CNI-FORWARD -s 10.1.2.3/32 -m comment --comment "net box eth0" -j ACCEPT';
    const rule = parseRule(line);
    expect(rule).toEqual({
      line,
      chain: "CNI-FORWARD",
      words: ["-s", "10.1.2.3/32", "-m", "comment", "-j", "ACCEPT"],
      comments: ["net box eth0"],
    });
    expect(optionOf(rule, "-s")).toBe("10.1.2.3/32");
    expect(optionOf(rule, "-d")).toBeUndefined();
  });

  it("may have several comments, which stand for no option", () => {
    const rule = parseRule('-A X -m comment --comment -s -m comment --comment "-d a" -p tcp');
    expect(rule.comments).toEqual(["-s", "-d a"]);
    expect(optionOf(rule, "-s")).toBeUndefined();
    expect(optionOf(rule, "-p")).toBe("tcp");
  });

  it.each(['name: "net" id: "box"', "C:\\ is a drive", 'ends with "', "", "--comment"])(
    "has the comment %j",
    (text) => {
      const rule = parseRule(`-A X ${comment(text)} -j RETURN`);
      expect(rule.comments).toEqual([text]);
      expect(optionOf(rule, "-j")).toBe("RETURN");
    },
  );

  it("is inserted and deleted by a line of its own", () => {
    expect(insertionOf("-A X -s 10.1.2.3/32 -j Y")).toBe("-I X 1 -s 10.1.2.3/32 -j Y");
    expect(deletionOf("-A X -s 10.1.2.3/32 -j Y")).toBe("-D X -s 10.1.2.3/32 -j Y");
  });
});

describe("the lines of a table", () => {
  const found = ["*nat", ":A - [0:0]", ":B ACCEPT [1:60]", "-A A -j B", "-A AB -j AB", "COMMIT"];

  it("show chains, their rules, and what leads to them", () => {
    expect(["A", "B", "AB"].filter((chain) => hasChain(found, chain))).toEqual(["A", "B"]);
    expect(newChains(found, ["A", "C"])).toEqual(["-N C"]);
    expect(rulesIn(found, "A")).toEqual(["-A A -j B"]);
    expect(jumpsTo(found, "B")).toEqual(["-A A -j B"]);
  });
});
