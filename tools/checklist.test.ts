/** The conformance checklist and the titles of the tests name the same rows. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { checklistFaults, filesByRow, rowsIn, withTests } from "./checklist.mjs";

const folder = resolve(import.meta.dirname, "../spec-tests");

describe("the checklist", () => {
  const page = readFileSync(`${folder}/checklist.md`, "utf8");
  const files = filesByRow(folder);

  it("has every row that a title names, and for each row a test or a reason", () => {
    expect(files.size).toBeGreaterThan(150);
    expect(checklistFaults(page, files)).toEqual([]);
  });

  it("names the files whose titles have the row", () => {
    expect(withTests(page, files)).toBe(page);
  });
});

describe("the checker of the checklist", () => {
  const page = [
    "| row | what must be so | shown by |",
    "| P1.01 | One. | `old` |",
    "| P1.02 | Two \\| three. | not applicable: why |",
    "| P1.03 | Four. | |",
  ].join("\n");

  it("reads ids from titles, not from comments", () => {
    const source =
      '/** P1.01 */\n// P1.02\nit("P1.03 P11.04 x", f); // P1.05\nit("P1.3 P1.06x", f)';
    expect(rowsIn(source)).toEqual(["P1.03", "P11.04", "P1.05"]);
  });

  it("writes tests into the last column, and keeps reasons", () => {
    const files = new Map([["P1.01", ["a/b", "c"]]]);
    expect(withTests(page, files).split("\n")).toEqual([
      "| row | what must be so | shown by |",
      "| P1.01 | One. | `a/b`, `c` |",
      "| P1.02 | Two \\| three. | not applicable: why |",
      "| P1.03 | Four. |  |",
    ]);
  });

  it("finds rows without a test, rows that are there twice, and ids of no row", () => {
    const files = new Map([
      ["P1.01", ["a"]],
      ["P9.99", ["b", "c"]],
    ]);
    expect(checklistFaults(`${page}\n| P1.01 | Again. | \`a\` |`, files)).toEqual([
      "P1.03: no title begins with it, and no reason is given",
      "P1.01: twice",
      "P9.99: not in the checklist, but in b, c",
    ]);
  });
});
