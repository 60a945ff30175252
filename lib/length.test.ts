/** A file of the product is read at one sitting, and a function at a glance: neither is long. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ast from "typescript/unstable/ast";
import { API } from "typescript/unstable/sync";
import { describe, expect, it } from "vitest";
import { root, sources } from "../tools/sources.ts";

/** Lines, from the signature to the closing brace. */
const MOST_OF_FUNCTION = 40;
const MOST_OF_FILE = 300;

/** What is too long in the sources of a folder with a tsconfig.json, as `path:line: what`. */
function tooLong(folder: string, paths: readonly string[]): readonly string[] {
  const api = new API({ cwd: folder });
  try {
    const config = join(folder, "tsconfig.json");
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    return paths.flatMap((path) => {
      const file = project?.program.getSourceFile(join(folder, path));
      if (!file) return [`${path}: no source of the project`];
      return faultsOf(file).map((fault) => `${path}${fault}`);
    });
  } finally {
    api.close();
  }
}

function faultsOf(file: ast.SourceFile): readonly string[] {
  const lines = linesUpTo(file, file.text.trimEnd().length);
  const inAll = lines > MOST_OF_FILE ? [`: ${lines} lines`] : [];
  return [...inAll, ...functionsIn(file, file)];
}

function functionsIn(node: ast.Node, file: ast.SourceFile): readonly string[] {
  const faults: string[] = [];
  if (isFunction(node)) {
    const first = linesUpTo(file, ast.getTokenPosOfNode(node, file));
    const lines = linesUpTo(file, node.end) - first + 1;
    if (lines > MOST_OF_FUNCTION) faults.push(`:${first}: a function of ${lines} lines`);
  }
  node.forEachChild((child) => {
    faults.push(...functionsIn(child, file));
  });
  return faults;
}

function isFunction(node: ast.Node): boolean {
  return [
    ast.isFunctionDeclaration,
    ast.isFunctionExpression,
    ast.isArrowFunction,
    ast.isMethodDeclaration,
    ast.isConstructorDeclaration,
    ast.isGetAccessorDeclaration,
    ast.isSetAccessorDeclaration,
  ].some((is) => is(node));
}

function linesUpTo(file: ast.SourceFile, position: number): number {
  return file.text.slice(0, position).split("\n").length;
}

describe("the product", () => {
  it("has no file over 300 lines and no function over 40", () => {
    expect(tooLong(root, sources)).toEqual([]);
  });
});

/** What is too long in some sources, named `0.ts`, `1.ts`…. */
function found(...texts: readonly string[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "length-"));
  try {
    const names = texts.map((text, i) => {
      writeFileSync(join(folder, `${i}.ts`), text);
      return `${i}.ts`;
    });
    writeFileSync(join(folder, "tsconfig.json"), '{ "include": ["*.ts"] }');
    return tooLong(folder, names);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const statements = (count: number) => "  f();\n".repeat(count);

describe("the checker of lengths finds", () => {
  it("functions of 41 lines, of whatever kind, but not of 40", () => {
    const kinds = [
      `\n/** Words. */\nfunction f() {\n${statements(39)}}\n`,
      `export const f = (\n  a = 1,\n) => {\n${statements(37)}};\n`,
      `class A {\n  #a() {\n${statements(39)}  }\n}\n`,
      `class A {\n  constructor() {\n${statements(39)}  }\n}\n`,
      `class A {\n  get a() {\n${statements(39)}  }\n}\n`,
    ];
    const shorter = kinds.map((text) => text.replace("  f();\n", ""));
    expect(found(...kinds, ...shorter)).toEqual([
      "0.ts:3: a function of 41 lines",
      "1.ts:1: a function of 41 lines",
      "2.ts:2: a function of 41 lines",
      "3.ts:2: a function of 41 lines",
      "4.ts:2: a function of 41 lines",
    ]);
  });

  it("a file of 301 lines, but not of 300, and one that is not there", () => {
    expect(found(statements(301), statements(300))).toEqual(["0.ts: 301 lines"]);
    expect(tooLong(root, ["lib/none.ts"])).toEqual(["lib/none.ts: no source of the project"]);
  });
});
