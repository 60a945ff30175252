/**
 * The rules that hold the layers apart (tools/layers.json, docs/architecture.md), checked on every
 * source file; and the checker itself, checked on small sources that break them.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { transformSync } from "esbuild";
import { parseAst } from "vite";
import { describe, expect, it } from "vitest";
import {
  files,
  filesBelow,
  readSource,
  root,
  type Source,
  sources,
  targetsOf,
} from "../tools/sources.ts";

/* ---- what is allowed ---- */

/**
 * What each folder, and some single files, may import besides their own folder; `host` is the module
 * that native/host.c provides. docs/architecture.md shows the same table.
 */
const layers = JSON.parse(readFileSync(join(root, "tools/layers.json"), "utf8")) as {
  readonly folders: Readonly<Record<string, { readonly imports: readonly string[] }>>;
  readonly files: Readonly<Record<string, readonly string[]>>;
};

/** What reaches no host, however many files lie between: programs that are no plugins import it. */
const pure = ["lib/ip", "lib/dhcp", "lib/overlay/contract"];

/** The suite's own command line is no plugin: it has no configuration of its own. */
const commandLine = { folder: "cli", name: "weft" };
/** What commands of `weft` are made of: they have no name in dist/bin. */
const AGENT = "agent";

/* ---- the checker ---- */

/** Everything in a product source that the architecture does not allow, as `path: what`. */
function faultsOf(source: Source): readonly string[] {
  const faults = [...importFaults(source), ...codeFaults(source)];
  return faults.map((fault) => `${source.path}: ${fault}`);
}

function importFaults(source: Source): readonly string[] {
  return targetsOf(source)
    .filter((target) => !isAllowed(source.path, target))
    .map((target) => `may not import "${target}"`);
}

function isAllowed(path: string, target: string): boolean {
  const folder = folderOf(path);
  if (target.startsWith(`${folder}/`)) return true;
  if (target === "*.schema.json") return folder === "lib/cni";
  const layer = [folder, dirname(folder)].find((name) => name in layers.folders) ?? "";
  const allowed = [...(layers.folders[layer]?.imports ?? []), ...(layers.files[path] ?? [])];
  return allowed.some((name) => target === name || target.startsWith(`${name}/`));
}

/** A layer or a room of one, a plugin, or the command line: `lib/net`, `plugins/bridge`, `cli`. */
function folderOf(path: string): string {
  const [area = "", name = "", room = ""] = path.split("/");
  if (area === commandLine.folder || area === AGENT) return area;
  const folder = `${area}/${name}`;
  return `${folder}/${room}` in layers.folders ? `${folder}/${room}` : folder;
}

/** How files of the pure folders reach the host, by what they import, as `path: which way`. */
function waysToHost(sources: readonly Source[]): readonly string[] {
  const imports = new Map(sources.map((source) => [source.path, targetsOf(source)]));
  const starts = [...imports.keys()].filter((path) => isIn(path, pure));
  return starts.flatMap((start) => {
    const way = wayToHost(start, imports);
    return way ? [`${start}: reaches ${way.map((path) => `"${path}"`).join(" by ")}`] : [];
  });
}

/** The shortest way from a file to one of the host's: where it ends, then what lies before it. */
function wayToHost(
  start: string,
  imports: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  const ways: (readonly string[])[] = [[start]];
  const seen = new Set([start]);
  for (const way of ways) {
    for (const target of imports.get(way[0] ?? "") ?? []) {
      const longer = [target, ...way];
      if (target === "host" || isIn(target, ["lib/host"])) return longer.slice(0, -1);
      if (!seen.has(target)) ways.push(longer);
      seen.add(target);
    }
  }
  return undefined;
}

function isIn(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path.startsWith(`${folder}/`));
}

/** What this checker needs of a syntax tree. */
interface Node {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** Code as the engine will see it, without types and comments. */
function parse({ path, text }: Source): Node {
  const tsconfigRaw = { compilerOptions: { verbatimModuleSyntax: true } };
  const { code } = transformSync(text, { loader: "ts", sourcefile: path, tsconfigRaw });
  return parseAst(code) as unknown as Node;
}

function codeFaults(source: Source): readonly string[] {
  const tree = parse(source);
  const nodes = [...walk(tree)];
  const inAll = nodes.flatMap((node) => nodeFault(node) ?? []);
  const isMain = /^(?:plugins|ipam)\/([^/]+)\/\1\.ts$/.test(source.path);
  const hasTry = isMain && nodes.some(({ type }) => type === "TryStatement");
  return [...inAll, ...(hasTry ? ["has a try in a main file"] : []), ...mutableState(tree)];
}

function* walk(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* walk(item);
  else if (typeof value === "object" && value !== null) {
    if ("type" in value) yield value as Node;
    for (const member of Object.values(value)) yield* walk(member);
  }
}

function nodeFault(node: Node): string | undefined {
  const { type, name, value } = node;
  if (node.async === true || type === "AwaitExpression" || node.await === true) return "is async";
  if (type === "Identifier" && name === "Promise") return "uses Promise";
  if (type === "Identifier" && (name === "eval" || name === "Function")) return `uses ${name}`;
  if (type === "ImportExpression") return "imports dynamically: use lazily()";
  if (type === "Literal" && typeof value === "string" && isShell(value)) return "runs a shell";
  if (type === "ImportDeclaration" && isLazy(node)) return "imports a lazy module's values";
  return undefined;
}

function isShell(text: string): boolean {
  return /^(?:\/.*\/)?(?:ba|da|z|k)?sh$/.test(text);
}

function isLazy({ source }: Node): boolean {
  return String((source as Node).value).endsWith(".lazy.ts");
}

function mutableState({ body }: Node): readonly string[] {
  const declarations = (body as readonly Node[]).map((node) => (node.declaration as Node) ?? node);
  const mutable = declarations.some(
    ({ type, kind }) => type === "VariableDeclaration" && kind !== "const",
  );
  return mutable ? ["has module-level mutable state"] : [];
}

/* ---- the project's files ---- */

const commandFolders = [
  ...new Set(sources.filter((path) => !path.startsWith("lib/")).map(folderOf)),
].filter((folder) => folder !== AGENT);

/** What a command's folder lacks. */
function missingFrom(folder: string, exists: (path: string) => boolean): readonly string[] {
  const isPlugin = folder !== commandLine.folder;
  const name = isPlugin ? basename(folder) : commandLine.name;
  const page = isPlugin ? [`${folder}/${name}.schema.json`] : [];
  return [`${folder}/${name}.ts`, ...page, `docs/plugins/${name}.md`].filter(
    (path) => !exists(path),
  );
}

describe("the architecture", () => {
  it("is kept by every source file of the product", () => {
    expect(sources.length).toBeGreaterThan(20);
    const faults = sources.flatMap((path) => faultsOf(readSource(path)));
    expect(faults).toEqual([]);
  });

  it("keeps the host out of what is pure", () => {
    const all = sources.map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
    for (const folder of pure) expect(all.some(({ path }) => isIn(path, [folder]))).toBe(true);
    expect(waysToHost(all)).toEqual([]);
  });

  it.each(commandFolders)("%s has a main file of its name, a schema and a page", (folder) => {
    expect(missingFrom(folder, (path) => existsSync(join(root, path)))).toEqual([]);
  });

  it("has no main.ts and no index.ts", () => {
    expect(files.filter((path) => /\/(?:main|index)\.ts$/.test(path))).toEqual([]);
  });

  it("spec-tests import nothing of the product", () => {
    const tests = filesBelow("spec-tests").filter((path) => path.endsWith(".ts"));
    expect(tests.length).toBeGreaterThan(5);
    const faults = tests.flatMap((path) =>
      targetsOf(readSource(path))
        .filter((target) => existsSync(join(root, target)) && !target.startsWith("spec-tests/"))
        .map((target) => `${path}: may not import "${target}"`),
    );
    expect(faults).toEqual([]);
  });
});

describe("the checker of the architecture finds", () => {
  it.each([
    ["lib/ip/a.ts", 'import { x } from "../bytes/b.ts";', 'may not import "lib/bytes/b.ts"'],
    ["lib/ip/a.ts", 'import * as host from "host";', 'may not import "host"'],
    ["lib/host/a.ts", 'import type { X } from "../net/b.ts";', 'may not import "lib/net/b.ts"'],
    ["lib/net/a.ts", 'import {\n  x,\n} from "../cni/b.ts";', 'may not import "lib/cni/b.ts"'],
    [
      "lib/overlay/contract/a.ts",
      'import { x } from "../device.ts";',
      'may not import "lib/overlay/device.ts"',
    ],
    ["lib/netlink/link.ts", 'export * from "../host/b.ts";', 'may not import "lib/host/b.ts"'],
    [
      "lib/filter/nftables/a.ts",
      'import { x } from "../forward.ts";',
      'may not import "lib/filter/forward.ts"',
    ],
    [
      "lib/filter/nftables/a.ts",
      'import type { X } from "../iptables/b.ts";',
      'may not import "lib/filter/iptables/b.ts"',
    ],
    [
      "lib/filter/reference/a.ts",
      'type X = typeof import("../iptables/b.lazy.ts");',
      'may not import "lib/filter/iptables/b.lazy.ts"',
    ],
    ["lib/cni/a.ts", 'import "../netlink/link.ts";', 'may not import "lib/netlink/link.ts"'],
    ["lib/net/a.ts", 'type X = typeof import("../cni/b.ts");', 'may not import "lib/cni/b.ts"'],
    ["plugins/a/b.ts", 'import { x } from "../c/c.ts";', 'may not import "plugins/c/c.ts"'],
    ["plugins/a/b.ts", 'import { x } from "../../ipam/c/c.ts";', 'may not import "ipam/c/c.ts"'],
    ["ipam/a/b.ts", 'import { x } from "../../lib/net/c.ts";', 'may not import "lib/net/c.ts"'],
    ["plugins/a/b.ts", 'import { x } from "node:fs";', 'may not import "node:fs"'],
    ["lib/net/a.ts", 'import { x } from "./b.lazy.ts";', "imports a lazy module's values"],
    ["lib/net/a.ts", "export async function f() {}", "is async"],
    ["lib/net/a.ts", "export const f: () => unknown = async () => 1;", "is async"],
    ["lib/net/a.ts", "export const p = Promise.resolve(1);", "uses Promise"],
    ["lib/net/a.ts", 'export const x = eval("1");', "uses eval"],
    ["lib/net/a.ts", 'export const x = new Function("1");', "uses Function"],
    ["lib/net/a.ts", 'export const x = () => run("/bin/sh");', "runs a shell"],
    ["lib/net/a.ts", "let count = 0;", "has module-level mutable state"],
    ["lib/net/a.ts", "export let count = 0;", "has module-level mutable state"],
    ["plugins/a/a.ts", "function f() { try { g(); } catch {} }", "has a try in a main file"],
  ])("in %s: %s", (path, text, fault) => {
    expect(faultsOf({ path, text })).toEqual([`${path}: ${fault}`]);
  });

  it.each([
    ["lib/netlink/connection.ts", 'import { x } from "../host/errno.ts";'],
    ["lib/net/a.ts", 'type X = typeof import("./b.lazy.ts");'],
    ["lib/overlay/contract/a.ts", 'import { x } from "../../ip/b.ts";'],
    ["lib/overlay/a.ts", 'import { x } from "./contract/b.ts";'],
    ["lib/filter/nftables/a.ts", 'import type { X } from "../port-mapping.ts";'],
    ["lib/filter/iptables/a.ts", 'import { x } from "../reference/b.ts";'],
    ["lib/filter/a.ts", 'import { x } from "./nftables/b.ts";'],
    ["plugins/a/a.ts", 'import { x } from "./b.ts";\nimport * as schema from "./a.schema.json";'],
    ["plugins/a/b.ts", "function f() { try { g(); } catch {} }"],
    ["lib/ip/a.ts", '// async eval Promise\nconst text = "let it be async";'],
    ["lib/ip/a.ts", "function f() { let i = 0; return i; }"],
  ])("nothing in %s: %s", (path, text) => {
    expect(faultsOf({ path, text })).toEqual([]);
  });

  const far = (text: string): readonly Source[] => [
    { path: "lib/overlay/contract/a.ts", text: 'import type { x } from "../../ip/b.ts";' },
    { path: "lib/ip/b.ts", text: 'import { x } from "./c.ts";\nexport * from "./b.ts";' },
    { path: "lib/ip/c.ts", text },
  ];

  it.each(["host", "../host/failure.ts"])("the way from what is pure to %s", (name) => {
    const end = name === "host" ? name : "lib/host/failure.ts";
    expect(waysToHost(far(`import { x } from "${name}";`))).toEqual([
      `lib/overlay/contract/a.ts: reaches "${end}" by "lib/ip/c.ts" by "lib/ip/b.ts"`,
      `lib/ip/b.ts: reaches "${end}" by "lib/ip/c.ts"`,
      `lib/ip/c.ts: reaches "${end}"`,
    ]);
  });

  it("no way to the host where there is none", () => {
    expect(waysToHost(far('import { x } from "../bytes/d.ts";'))).toEqual([]);
  });

  it("a folder without its main file, schema and page", () => {
    const missing = ["plugins/a/a.ts", "plugins/a/a.schema.json", "docs/plugins/a.md"];
    expect(missingFrom("plugins/a", () => false)).toEqual(missing);
    expect(missingFrom("cli", () => false)).toEqual(["cli/weft.ts", "docs/plugins/weft.md"]);
  });
});
