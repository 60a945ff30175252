// @ts-check
// Builds native/codec-test.c, which reads and writes by every table in C, and what it runs.
//   node tools/codec.mjs folder [--sanitize]
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** @type {Readonly<Record<string, string>>} */
const processors = { x64: "x86_64", arm64: "aarch64" };

const C = ["codec.c", "layout.c", "layout-read.c", "layout-write.c", "arguments.c", "heap.c"];
export const SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"];

/** The files that have tables of messages, and need no host for it. */
export function tableFiles() {
  const folder = join(root, "lib/netlink");
  return readdirSync(folder)
    .filter((name) => /^[^.]+\.ts$/.test(name))
    .map((name) => join(folder, name))
    .filter((path) => /Message\b/.test(readFileSync(path, "utf8")))
    .filter((path) => !/(socket|connection|error)\.ts$/.test(basename(path)));
}

/**
 * The program that answers, one line each, what tools/codec-answers.ts answers, with C's codec.
 * @param {string} folder where it is made
 * @param {{ cc?: string, options?: readonly string[], main?: string }} [how]
 */
export async function buildCodecTest(folder, how = {}) {
  const { cc = "gcc", options = ["-O1"], main = "codec-test.c" } = how;
  mkdirSync(folder, { recursive: true });
  const script = join(folder, "codec-test.js");
  await build({
    stdin: {
      contents: `import { tables } from "tables";
import { answerer } from "./tools/codec-answers.ts";
export const answer = answerer(tables);`,
      resolveDir: root,
    },
    outfile: script,
    bundle: true,
    format: "iife",
    globalName: "answers",
    target: "es2023",
    logLevel: "warning",
    banner: { js: "(function ($codec) {" },
    footer: { js: "return answers.answer; })" },
    plugins: [tables(), codecOf("$codec")],
  });
  const program = join(folder, basename(main, ".c"));
  const engine = join(
    root,
    `node_modules/@suchipi/quickjs/build/${processors[process.arch]}-unknown-linux-gnu`,
  );
  const sources = [main, ...C].map((file) => join(root, "native", file));
  execFileSync(cc, [
    ...["-std=gnu11", "-Wall", "-Wextra", "-Werror", ...options],
    ...["-isystem", join(engine, "include"), "-I", join(root, "native")],
    ...sources,
    ...[join(engine, "lib/quickjs-core.a"), "-lm", "-lpthread", "-o", program],
  ]);
  return { program, script };
}

/** The module "tables": all tables of messages, by their names. */
function tables() {
  const files = tableFiles();
  const imports = files.map((path, i) => `import * as m${i} from "${path}";\n`);
  const all = files.map((_, i) => `...m${i}`);
  return serving("tables", `${imports.join("")}export const tables = { ${all} };`);
}

/**
 * The module "codec" as a value that is there.
 * @param {string} name
 */
function codecOf(name) {
  const functions = ["layout", "resolve", "read", "write", "requests", "heads"];
  const exports = functions.map((each) => `export const ${each} = ${name}.${each};\n`);
  return serving("codec", exports.join(""));
}

/**
 * @param {string} name
 * @param {string} contents
 * @returns {import("esbuild").Plugin}
 */
function serving(name, contents) {
  return {
    name: `serving ${name}`,
    setup({ onResolve, onLoad }) {
      onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: name, namespace: name }));
      onLoad({ filter: /.*/, namespace: name }, () => ({ contents, resolveDir: root }));
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder = "", flag] = process.argv.slice(2);
  if (folder === "" || !existsSync(dirname(folder))) throw new Error("usage: codec.mjs folder");
  await buildCodecTest(folder, flag === "--sanitize" ? { options: SANITIZE } : {});
}
