import { describe, expect, it } from "vitest";
import type { Page } from "../pages/page.ts";
import { pageText } from "./page-text.ts";

const plain = { bold: (text: string) => text };
const page: Page = {
  name: "see",
  synopsis: ["weft see NAME", "weft see --all"],
  summary: "shows a name",
  text: [],
  options: [{ flags: "--all", what: "all of them" }],
  examples: [],
};
const paragraph = (word: string) => Array.from({ length: 100 }, () => word).join(" ");

describe("the text of a page", () => {
  it("has all that there is, and no title of what is not there", () => {
    expect(pageText(page, plain, false).split("\n")).toEqual([
      "usage: weft see NAME",
      "       weft see --all",
      "",
      "Shows a name.",
      "",
      "Options:",
      "  --all  all of them",
      "",
      "Status: 0 if all is well, 1 if there is an error, 2 for wrong usage.",
      "",
    ]);
  });

  it("breaks a way to call it before an option", () => {
    const synopsis = [`weft see NAME ${"[--option VALUE] ".repeat(5).trim()}`];
    expect(
      pageText({ ...page, synopsis }, plain, false)
        .split("\n")
        .slice(0, 3),
    ).toEqual([
      `usage: weft see NAME ${"[--option VALUE] ".repeat(3).trim()}`,
      "           [--option VALUE] [--option VALUE]",
      "",
    ]);
  });

  it("leaves out what does not fit a screen, but no option, and says where it is", () => {
    const text = [paragraph("first"), paragraph("second"), paragraph("third")];
    const lines = pageText({ ...page, text }, plain, false)
      .trimEnd()
      .split("\n");
    expect(lines.length).toBeLessThan(24);
    expect(lines).toContain("  --all  all of them");
    expect(lines.join(" ")).toContain("first");
    expect(lines.join(" ")).not.toContain("third");
    expect(lines.at(-1)).toBe("More: weft help see --all, or man weft-see");
    expect(pageText({ ...page, text }, plain, true)).toContain("third");
  });
});
