/** Arrays without iterators: what the build makes of loops and patterns, and what it leaves alone. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openProject } from "./arrays.mjs";

/** What becomes of a source that may use these values. */
function built(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), "arrays-"));
  try {
    const values = `declare const list: readonly string[]; declare const pairs: [string, number][];
      declare const bytes: Uint8Array; declare const set: Set<string>; declare const text: string;
      declare const either: readonly [string] | readonly string[]; declare const anything: any;\n`;
    const compilerOptions = { target: "es2023", module: "esnext", strict: true, types: [] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    writeFileSync(join(folder, "source.ts"), `${values}${source}\nexport {};\n`);
    const { fileAt, close } = openProject(folder);
    const contents = fileAt(join(folder, "source.ts"));
    close();
    const own = (contents ?? "").slice(values.length).replace("\nexport {};\n", "");
    return own.replace(/ +/g, " ");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it.for([
  ["const [a] = list;", "const { 0: a } = list;"],
  ["const [, b = 1] = pairs[0]!;", "const { 1: b = 1 } = pairs[0]!;"],
  ["const [[a, b] = ['', 0]] = pairs;", "const { 0: { 0: a, 1: b } = ['', 0] } = pairs;"],
  ["const [a] = either;", "const { 0: a } = either;"],
  ["pairs.map(([key]) => key);", "pairs.map(({ 0: key }) => key);"],
  [
    "for (const each of list) use(each); function use(_: string) {}",
    "for (let i$0 = 0, of$0 = list; i$0 < of$0.length; i$0++) { const each = of$0[i$0]; use(each); } function use(_: string) {}",
  ],
  [
    "for (let [key] of pairs) { key = ''; }",
    "for (let i$0 = 0, of$0 = pairs; i$0 < of$0.length; i$0++) { let { 0: key } = of$0[i$0]; { key = ''; } }",
  ],
  [
    "for (const byte of bytes) void byte;",
    "for (let i$0 = 0, of$0 = bytes; i$0 < of$0.length; i$0++) { const byte = of$0[i$0]; void byte; }",
  ],
] as const)("%s goes by index", ([source, expected]) => {
  expect(built(source)).toBe(expected);
});

it.for([
  "for (const each of set) void each;",
  "for (const each of text) void each;",
  "for (const each of list.values()) void each;",
  "for (const each of anything) void each;",
  "const [first, ...rest] = list;",
  "const [first] = set;",
  "const [first] = anything;",
  "const copy = [...list, ...set];",
])("%s stays", (source) => {
  expect(built(source)).toBe(source);
});
