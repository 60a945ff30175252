import { describe, expect, it } from "vitest";
import { rowLines, wrap } from "./layout.ts";

const plain = { bold: (text: string) => text };
const marked = { bold: (text: string) => `<${text}>` };

describe("wrap", () => {
  it("breaks between words, at the width and not before", () => {
    expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
    expect(wrap("one two three", 6)).toEqual(["one", "two", "three"]);
  });

  it("gives a longer word a line of its own", () => {
    expect(wrap("a longword b", 4)).toEqual(["a", "longword", "b"]);
  });
});

describe("rowLines", () => {
  const long = "word ".repeat(20).trim();

  it("puts what is said beside names, in one column", () => {
    expect(
      rowLines(
        [
          { name: "-a", what: "first" },
          { name: "--bcd", what: "second" },
        ],
        plain,
      ),
    ).toEqual(["  -a     first", "  --bcd  second"]);
  });

  it("wraps it within its column, whatever marks the name has", () => {
    const [first = "", second = ""] = rowLines([{ name: "--name", what: long }], plain);
    expect(first.length).toBeLessThan(81);
    expect(second).toMatch(/^ {10}word/);
    expect(rowLines([{ name: "--name", what: long }], marked)[0]).toBe(
      first.replace("--name", "<--name>"),
    );
  });

  it("puts it below a name that is too long", () => {
    const name = "x".repeat(40);
    expect(rowLines([{ name, what: "below" }], plain)).toEqual([`  ${name}`, "    below"]);
  });
});
