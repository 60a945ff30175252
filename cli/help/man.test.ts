/** Pages of the manual: what they say, and that the programs that show them take all of it. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { pages, topics } from "../pages/all.ts";
import type { Page } from "../pages/page.ts";
import { escaped, manual, manualText } from "./man.ts";

const hostile: Page = {
  name: "see it",
  synopsis: [".so /etc/passwd", "'weft see' \\n(.x"],
  summary: '.shows what\'s "there"',
  text: [".sy touch x", "'quoted' `a` ~b ^c", "\\fBnot bold\\fR", "two\nlines"],
  options: [{ flags: "--data-dir DIR, -d DIR", what: "'where' \u2026" }],
  examples: [{ command: "weft see \\ it", what: ".first" }],
};

describe("the manual", () => {
  it("has a page for every command, and one of all", () => {
    const files = manual("1.2.3").map(({ file }) => file);
    const names = [...pages, ...topics].map(({ name }) => name.replace(" ", "-"));
    expect(files).toEqual(["weft.1", ...names.map((name) => `weft-${name}.1`)]);
    for (const { name } of pages) expect(manual("1.2.3")[0]?.text).toContain(`\\fB${name}\\fR`);
  });

  it("says what is typed in bold, and what it stands for in italics", () => {
    expect(manualText(hostile, "1")).toContain(
      "\\fB\\-\\-data\\-dir\\fR \\fIDIR\\fR, \\fB\\-d\\fR \\fIDIR\\fR\n",
    );
  });

  it("begins no line with what a page says, if that were a request", () => {
    const known = /^\.(\\"|TH|SH|SS|PP|TP|br|nh|ad)( |$)/;
    const texts = [...manual("1").map(({ text }) => text), manualText(hostile, "1")];
    const requests = texts.flatMap((text) => text.split("\n").filter((line) => /^[.']/.test(line)));
    expect(requests.filter((line) => !known.test(line))).toEqual([]);
  });

  it.each([
    ["a-b", "a\\-b"],
    ["\\fB", "\\efB"],
    [".TH", "\\&.TH"],
    ["'x' `y`", "\\(aqx\\(aq \\(gay\\(ga"],
    ["two\nlines", "two lines"],
    ["a \u2026 \u{1f600}", "a \\[u2026] \\[u1F600]"],
  ])("shows %j as it is", (text, roff) => {
    expect(escaped(text)).toBe(roff);
  });

  const hasGroff =
    existsSync("/usr/bin/groff") && existsSync("/usr/share/groff/current/tmac/an.tmac");
  it.runIf(hasGroff).each([...manual("1"), { file: "hostile", text: manualText(hostile, "1") }])(
    "is read by groff without a warning: $file",
    ({ text }) => {
      const words = ["-man", "-ww", "-Tutf8"];
      const { status, stderr } = spawnSync("groff", words, { input: text, encoding: "utf8" });
      expect([status, stderr]).toEqual([0, ""]);
    },
  );
});
