/** What the scripts say. Those of shells that are not here are looked at, not run. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pages } from "../pages/all.ts";
import { fishScript } from "./fish.ts";
import { scriptFor } from "./scripts.ts";
import { type Entry, tableOf } from "./table.ts";
import { zshScript } from "./zsh.ts";

const nothing = { title: "NAME", kinds: [], words: [] };
const entry: Entry = {
  name: "see",
  summary: "shows what's there",
  choices: [
    { spelling: "--conf", what: "a [file]", value: { title: "FILE", kinds: ["files"], words: [] } },
    { spelling: "-i", what: "a name", value: nothing },
    { spelling: "--json", what: "it's JSON", value: undefined },
  ],
  places: [
    { title: "NETWORK", kinds: ["networks"], words: [] },
    { title: "NETNS", kinds: ["netns"], words: [] },
    { title: "", kinds: [], words: ["a", "b"] },
  ],
  isOpen: false,
};

describe("each script", () => {
  it.each(["bash", "zsh", "fish"] as const)("for %s has all commands and options", (shell) => {
    const script = scriptFor(shell);
    for (const { name, choices } of tableOf(pages)) {
      expect(script).toMatch(new RegExp(`\\b${name}\\b`));
      for (const { spelling } of choices) {
        const fish = spelling.replace(/^--/, "-l ").replace(/^-(?=.$)/, "-s ");
        expect(script).toContain(shell === "fish" ? fish : spelling);
      }
    }
  });

  const here = ["bash", "zsh", "fish"].filter((shell) => existsSync(`/usr/bin/${shell}`));
  it.each(here)("is one that %s can read", (shell) => {
    const folder = mkdtempSync(join(tmpdir(), "weft-completion-"));
    const file = join(folder, "script");
    writeFileSync(file, scriptFor(shell as "bash" | "zsh" | "fish"));
    const { status, stderr } = spawnSync(`/usr/bin/${shell}`, ["-n", file], { encoding: "utf8" });
    rmSync(folder, { recursive: true });
    expect([status, stderr]).toEqual([0, ""]);
  });

  it.each(["bash", "zsh", "fish"] as const)("for %s evaluates nothing", (shell) => {
    expect(scriptFor(shell)).not.toMatch(/\beval\b|compgen -W|\$\(\$/);
  });
});

describe("the script for zsh", () => {
  it("has a command with its options and places", () => {
    expect(zshScript([entry])).toContain(`    'see:shows what'\\''s there'\n`);
    expect(zshScript([entry])).toContain(`    see)
      _arguments \\
        '*--conf[a \\[file\\]]:FILE: _files' \\
        '*-i[a name]:NAME: ' \\
        '*--json[it'\\''s JSON]' \\
        '--help[tells how it is used]' \\
        '1:NETWORK: _weft_words networks' \\
        '2:NETNS:{_weft_words netns; _files}' \\
        '3:word:(a b)'
      ;;
`);
  });

  it("takes the last place of an open command for all that follow", () => {
    const [place = nothing] = entry.places;
    expect(zshScript([{ ...entry, places: [place], isOpen: true }])).toContain(
      "'*:NETWORK: _weft_words networks'",
    );
  });
});

describe("the script for fish", () => {
  it("has a command with its options and places", () => {
    const lines = fishScript([entry]).trimEnd().split("\n");
    expect(lines).toContain("set -g __weft_takers 'see --conf' 'see -i'");
    expect(lines.slice(-7)).toEqual([
      "complete -c weft -n '__weft_has_no_command' -a see -d 'shows what\\'s there'",
      "complete -c weft -n '__weft_is see' -l conf -r -F -d 'a [file]'",
      "complete -c weft -n '__weft_is see' -s i -x -d 'a name'",
      "complete -c weft -n '__weft_is see' -l json -d 'it\\'s JSON'",
      "complete -c weft -n '__weft_at see 0 0' -a '(command weft completion --words networks)'",
      "complete -c weft -n '__weft_at see 1 1' -F -a '(command weft completion --words netns)'",
      "complete -c weft -n '__weft_at see 2 2' -a 'a b'",
    ]);
  });

  it("takes the last place of an open command for all that follow", () => {
    const places = [{ title: "FILE", kinds: ["files" as const], words: [] }];
    expect(fishScript([{ ...entry, places, isOpen: true }])).toContain(
      "complete -c weft -n '__weft_at see 0 999' -F\n",
    );
  });
});
