/** What the documents show works: every JSON block and example is validated, and really ADDed. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { describe, expect } from "vitest";
import type { Bed } from "./bed/bed.ts";
import type { Container } from "./bed/container.ts";
import { sharedBy } from "./bed/difference.ts";
import type { Config } from "./bed/invocation.ts";
import { it } from "./bed/it.ts";
import { needs } from "./bed/kernel.ts";
import { binDirectory } from "./bed/paths.ts";

const root = resolve(import.meta.dirname, "..");

interface Block {
  readonly title: string;
  readonly text: string;
}

/** The files of a folder, and of those below, with one of these endings. */
function filesOf(folder: string, endings: readonly string[]): readonly string[] {
  return readdirSync(`${root}/${folder}`, { recursive: true, encoding: "utf8" })
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .map((name) => `${folder}/${name}`)
    .sort();
}

/** The JSON blocks of a document, named by the line they begin at. */
function blocksOf(file: string): readonly Block[] {
  const document = readFileSync(`${root}/${file}`, "utf8");
  return Array.from(document.matchAll(/^```json\n([\s\S]*?)^```$/gm), (found) => ({
    title: `${file}:${document.slice(0, found.index).split("\n").length}`,
    text: found[1] ?? "",
  }));
}

const documents = ["README.md", ...filesOf("docs", [".md"])];
const examples = filesOf("examples", [".conf", ".conflist"]);
const blocks = [
  ...documents.flatMap(blocksOf),
  ...examples.map((file) => ({ title: file, text: readFileSync(`${root}/${file}`, "utf8") })),
];

/** The plugins of a network, each with the keys that a runtime gives it. */
function pluginsOf(network: Config): readonly Config[] {
  const { plugins = [network], name, cniVersion } = network;
  return (plugins as readonly Config[]).map((plugin) => ({ ...plugin, name, cniVersion }));
}

function attach(bed: Bed, box: Container, plugins: readonly Config[]): Config {
  let prevResult: Config | undefined;
  for (const plugin of plugins) {
    const config = prevResult === undefined ? plugin : { ...plugin, prevResult };
    prevResult = bed.add(String(plugin.type), box, config).result as unknown as Config;
  }
  return prevResult ?? {};
}

describe.each(blocks)("the configuration in $title", ({ text }) => {
  it("has nothing that weft validate would mention", () => {
    const ended = spawnSync(`${binDirectory}/weft`, ["validate"], { input: text });
    expect(`${ended.stdout}${ended.stderr}`).toBe("-: valid\n");
    expect(ended.status).toBe(0);
  });

  const run = /"vlan/.test(text) ? needs("bridge VLAN filtering") : it;
  run("connects a container, and leaves nothing after DEL", ({ bed }) => {
    const plugins = pluginsOf(JSON.parse(text) as Config);
    const box = bed.container();
    box.sh("ip link set lo up");
    const before = bed.snapshot();
    const prevResult = attach(bed, box, plugins);
    expect(prevResult.cniVersion).toBe(plugins[0]?.cniVersion);

    for (const plugin of plugins.toReversed()) {
      expect(bed.del(String(plugin.type), box, { ...plugin, prevResult })).toMatchObject({
        exitCode: 0,
        stdout: "",
      });
    }
    box.sh("ip link set lo up");
    expect(bed.leftovers(before, sharedBy(plugins[0] ?? {}))).toEqual([]);
  });
});

describe("the documents", () => {
  it("have JSON blocks to run", () => {
    expect(blocks.length).toBeGreaterThan(4);
  });

  it("name only files that exist", () => {
    const links = documents.flatMap((file) => {
      const text = readFileSync(`${root}/${file}`, "utf8");
      const targets = Array.from(text.matchAll(/\]\(([^)#:\s]+)\)/g), ([, target = ""]) => target);
      return targets.map((target) => ({ file, path: resolve(root, file, "..", target) }));
    });
    const missing = links.filter(({ path }) => spawnSync("test", ["-e", path]).status !== 0);
    expect(links.length).toBeGreaterThan(5);
    expect(missing).toEqual([]);
  });

  it("speak of files and functions by the names they have", () => {
    const folders = ["lib", "plugins", "ipam", "native"];
    const files = folders.flatMap((folder) => filesOf(folder, [".ts", ".c", ".h", ".json"]));
    const code = files.map((file) => readFileSync(`${root}/${file}`, "utf8")).join("\n");
    const story = readFileSync(`${root}/docs/story.md`, "utf8");
    const paths = Array.from(story.matchAll(/\b[\w/-]+\.(?:ts|c|json)\b/g), ([path]) => path);
    const words = Array.from(story.matchAll(/`([a-zA-Z]+)`/g), ([, word = ""]) => word);
    expect(paths.length + words.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !files.some((file) => file.endsWith(path)))).toEqual([]);
    expect(words.filter((word) => !new RegExp(`\\b${word}\\b`).test(code))).toEqual([]);
  });

  it("name every make target they speak of as make help does", () => {
    const env = { ...process.env, MAKEFLAGS: "" };
    const help = `${spawnSync("make", ["help"], { cwd: root, env }).stdout}`;
    const targets = Array.from(help.matchAll(/^ {2}make (\S+)/gm), ([, name]) => name);
    const said = documents.flatMap((file) =>
      Array.from(
        readFileSync(`${root}/${file}`, "utf8").matchAll(/(?:`|sudo |^ {4})make ([a-z-]+)/gm),
        ([, name]) => name,
      ),
    );
    expect(targets).toContain("demo");
    expect(said.filter((name) => !targets.includes(name))).toEqual([]);
  });

  it("have a page for every command", () => {
    const names = readdirSync(binDirectory).sort();
    const pages = filesOf("docs/plugins", [".md"]).map((file) => basename(file, ".md"));
    expect(pages).toEqual(names);
  });
});
