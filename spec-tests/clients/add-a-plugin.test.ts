/**
 * What docs/add-a-plugin.md shows is a plugin: its blocks are written into a copy of the sources,
 * which is checked and built as the page says, and the page's own test passes with the result.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(`${root}/docs/add-a-plugin.md`, "utf8");

/** What is copied: all that is built, checked or written into, and nothing that others write. */
const copied = [
  "agent",
  "bench",
  "cli",
  "docs",
  "ipam",
  "lib",
  "native",
  "plugins",
  "spec-tests",
  "tools",
];
const files = ["README.md", "biome.json", "package.json", "tsconfig.json", "vitest.config.ts"];

/** The files of the page: a line with a path, and the block behind it. */
const shown = new Map(
  Array.from(
    page.matchAll(/^`([\w./-]+)`:\n\n(`{3,})\w+\n([\s\S]*?)^\2$/gm),
    ([, path = "", , text = ""]) => [path, text] as const,
  ),
);
const name = "inner-bridge";

let copy = "";

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "weft-add-a-plugin-"));
  for (const folder of copied) cpSync(join(root, folder), join(copy, folder), { recursive: true });
  for (const file of files) copyFileSync(join(root, file), join(copy, file));
  linkPackages(join(root, "node_modules"), join(copy, "node_modules"));
  for (const [path, text] of shown) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    writeFileSync(join(copy, path), text);
  }
  succeed("tools/build.mjs");
});

/** A folder of its own, since tools write into it what they remember. */
function linkPackages(from: string, to: string): void {
  mkdirSync(to);
  for (const entry of readdirSync(from).filter((one) => !one.startsWith(".vi"))) {
    symlinkSync(join(from, entry), join(to, entry));
  }
}

afterAll(() => rmSync(copy, { recursive: true }));

/** The PATH of a test run, which makes another of it (programs.ts). */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Runs a script of the copy, which must not fail. */
function succeed(...words: readonly string[]): SpawnSyncReturns<string> {
  const { WEFT_BIN: _, ...usual } = process.env;
  const env = { ...usual, PATH, WEFT_DIST: join(copy, "dist") };
  const ended = spawnSync(process.execPath, words, { cwd: copy, env, encoding: "utf8" });
  if (ended.status !== 0) throw new Error(`${words.join(" ")}: ${ended.stdout}${ended.stderr}`);
  return ended;
}

describe("docs/add-a-plugin.md", () => {
  it("has all files of a plugin, and no place for anything else", () => {
    expect([...shown.keys()]).toEqual([
      `plugins/${name}/${name}.schema.json`,
      `plugins/${name}/config.ts`,
      `plugins/${name}/${name}.ts`,
      `docs/plugins/${name}.md`,
      `spec-tests/plugins/${name}.test.ts`,
    ]);
    expect(page.match(/^`{3,}\w+$/gm)).toHaveLength(shown.size + 1);
  });

  it("adds a plugin whose types, style and layers are right", () => {
    const own = [...shown.keys()].filter((path) => !path.endsWith(".md"));
    succeed("node_modules/.bin/tsc", "--noEmit");
    succeed("node_modules/@biomejs/biome/bin/biome", "check", ...own);
    succeed("node_modules/vitest/vitest.mjs", "run", "lib/architecture.test.ts");
  });

  it("has a page that gets its table of options", () => {
    succeed("tools/docs.mjs");
    const written = readFileSync(join(copy, `docs/plugins/${name}.md`), "utf8");
    expect(written).toContain("| `mtu` | number, 0 to 65535 | `0` |");
    expect(existsSync(join(copy, `docs/schemas/${name}.schema.json`))).toBe(true);
  });

  it("adds a plugin that does ADD, CHECK and DEL", ({ bed }) => {
    const from = bed.folder("built");
    copyFileSync(join(copy, "dist/bin", name), bed.path(join(from, name)));
    linkSync(bed.path(join(from, name)), bed.path(join(from, "host-local")));
    linkSync(bed.path(join(from, name)), bed.path(join(from, "weft")));
    const by = { from, path: from };

    const [, text = "{}"] =
      /```json\n([\s\S]*?)^```$/m.exec(shown.get(`docs/plugins/${name}.md`) ?? "") ?? [];
    const config = JSON.parse(text) as Config;
    bed.write("/run/net.conf", text);
    expect(bed.host.sh(`${from}/weft validate /run/net.conf`)).toContain("valid");

    const box = bed.container();
    const before = bed.snapshot();
    const added = bed.add(name, box, config, by).result;
    expect(added.ips).toMatchObject([{ address: "10.40.0.2/24", interface: 0 }]);
    expect(box.link("eth0")).toMatchObject({ linkinfo: { info_kind: "bridge" }, mtu: 1400 });
    const ended = { ...config, prevResult: added };
    expect(bed.status(name, config, by)).toSucceed();
    expect(bed.check(name, box, ended, by)).toSucceed();
    box.sh("ip address flush dev eth0");
    expect(bed.check(name, box, ended, by).error.code).toBe(104);
    expect(bed.del(name, box, ended, by)).toSucceed();
    expect(box.links()).toEqual(["lo"]);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it("has a test that passes", () => {
    const { stdout } = succeed(
      "node_modules/vitest/vitest.mjs",
      ...["run", "--config", "spec-tests/vitest.config.ts", `plugins/${name}`],
    );
    expect(stdout).toMatch(/1 passed/);
  });
});
