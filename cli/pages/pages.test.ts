/** Every command has a page, every page its place, and all speak alike. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { nearest } from "../../lib/cni/nearest.ts";
import { overview } from "../help/overview.ts";
import { pageText } from "../help/page-text.ts";
import { commandNames, groups, pageOf, pages, pagesOf, topics } from "./all.ts";
import type { Page } from "./page.ts";

vi.mock("host", () => ({}));

const plain = { bold: (text: string) => text };
const every = [...pages, ...topics];

/** The pages that a file exports. */
async function pagesIn(file: string): Promise<readonly Page[]> {
  const exported: object = await import(join(import.meta.dirname, file));
  return Object.values(exported).filter((each) => each?.synopsis !== undefined);
}

describe("the pages", () => {
  it("are those of all commands", async () => {
    const { commands } = await import("../weft.ts");
    expect([...commandNames].sort()).toEqual([...commands].sort());
  });

  it("are all in all.ts", async () => {
    const files = readdirSync(import.meta.dirname).filter((file) => !/\.test\.ts$|^all/.test(file));
    const found = await Promise.all(files.map(pagesIn));
    expect(
      found
        .flat()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(every.map(({ name }) => name).sort());
  });

  it("are found by the words of a call", () => {
    expect(pageOf(["gc", "net"])?.name).toBe("gc");
    expect(pageOf(["pz"])).toBeUndefined();
    expect(pagesOf(["constructor"])).toEqual([]);
    expect(nearest("inventry", commandNames)).toBe("inventory");
  });

  it("are told on one screen", () => {
    expectFitting(overview(groups, plain));
  });
});

describe.each(every)("the page of $name", (page) => {
  const { name, synopsis, summary, text, options, variables = [], examples, status } = page;

  it("fits a screen", () => {
    expectFitting(pageText(page, plain, false));
  });

  it("says how it is called, each time by its name", () => {
    expect(synopsis.length).toBeGreaterThan(0);
    const start = topics.includes(page) ? name : "weft ";
    expect(synopsis.filter((line) => !line.startsWith(start))).toEqual([]);
    expect(synopsis.some((line) => line.startsWith(`weft ${name}`) || line.startsWith(name))).toBe(
      true,
    );
  });

  it("has a summary that follows its name: the third person, no full stop", () => {
    expect(summary).toMatch(/^[a-z]+s .*[^.]$/);
    expect(summary.length).toBeLessThan(57);
  });

  it("spells options alike", () => {
    const spelling = `(--[a-z][a-z0-9-]+|-[a-z])( [A-Z]+(=[A-Z]+)?)?`;
    for (const { flags } of options)
      expect(flags).toMatch(new RegExp(`^${spelling}(, ${spelling})?$`));
  });

  it("names options only that it has", () => {
    const named = [...synopsis, ...text, ...examples.map(({ command }) => command)].flatMap(
      (line) => Array.from(line.matchAll(/(?<![\w-])--[a-z0-9-]+/g), ([word]) => word),
    );
    const known = ["--help", ...every.flatMap((each) => each.options.map(({ flags }) => flags))];
    expect(named.filter((word) => !known.some((flags) => flags.startsWith(word)))).toEqual([]);
  });

  it("has sentences in its text, and none beside options, variables and examples", () => {
    for (const each of text) expect(each).toMatch(/^[A-Za-z].*[.]$/);
    const whats = [...options, ...variables, ...examples].map(({ what }) => what);
    for (const what of whats) expect(what).toMatch(/^(?![A-Z][a-z]).*[^.]$/);
    if (status !== undefined) expect(status).toMatch(/^0 .*\.$/);
  });

  it("is in plain ASCII, and has no line ends", () => {
    expect(JSON.stringify(page)).toMatch(/^[ -~]*$/);
    expect(JSON.stringify(page)).not.toContain("\\n");
  });

  it("shows calls of weft", () => {
    expect(examples.length).toBeGreaterThan(0);
    for (const { command } of examples) expect(command).toMatch(/\b(weft|cnitool) /);
  });
});

function expectFitting(text: string): void {
  const lines = text.trimEnd().split("\n");
  expect(lines.length).toBeLessThan(24);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
}
