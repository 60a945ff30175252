// @ts-check
// Builds what tests the codec in C by every table: native/tests/codec-test.c, for unit tests, and
// codec-fuzz.c, which this runs with sanitizers, for so many seconds:
//   node tools/codec.mjs fuzz 60
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** @type {Readonly<Record<string, string>>} */
const processors = { x64: "x86_64", arm64: "aarch64" };

const C = [
  "codec.c",
  "layout.c",
  "layout-read.c",
  "layout-write.c",
  "packed.c",
  "arguments.c",
  "heap.c",
];
const SANITIZE = ["-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g", "-O1"];
const FUZZER = ["-fsanitize=fuzzer,address,undefined", ...SANITIZE];

/** The files that have tables of messages, and need no host for it. */
export function tableFiles() {
  const folder = join(root, "lib/netlink");
  const tables = readdirSync(folder)
    .filter((name) => /^[^.]+\.ts$/.test(name))
    .map((name) => join(folder, name))
    .filter((path) => /Message\b/.test(readFileSync(path, "utf8")))
    .filter((path) => !/(socket|connection|error)\.ts$/.test(basename(path)));
  return [join(root, "lib/bytes/scalar.ts"), ...tables];
}

/**
 * The program that answers, one line each, what tools/codec-answers.ts answers, with C's codec; with
 * the sanitizers, if WEFT_SANITIZED is set.
 * @param {string} folder where it is made
 */
export function buildCodecTest(folder) {
  const sanitizers = ["-fsanitize=address,undefined", ...SANITIZE];
  const options = process.env.WEFT_SANITIZED ? sanitizers : ["-O1"];
  return buildTest(folder, "codec-test", ["gcc", ...options]);
}

/**
 * @param {string} folder
 * @param {string} name
 * @param {readonly string[]} compiler with its options
 */
async function buildTest(folder, name, [cc = "", ...options]) {
  mkdirSync(folder, { recursive: true });
  const script = join(folder, "codec-test.js");
  await build({
    stdin: {
      contents: `import { tables } from "tables";
import { answerer, tablesIn } from "./tools/codec-answers.ts";
export const answer = answerer(tables);
export const programs = Object.values(tablesIn(tables)).map(({ program }) => program);`,
      resolveDir: root,
    },
    outfile: script,
    bundle: true,
    format: "iife",
    globalName: "answers",
    target: "es2023",
    logLevel: "warning",
    banner: { js: "(function ($codec) {" },
    footer: { js: "return answers; })" },
    plugins: [tables(), codecOf("$codec")],
  });
  const program = join(folder, name);
  const engine = join(
    root,
    `node_modules/@suchipi/quickjs/build/${processors[process.arch]}-unknown-linux-gnu`,
  );
  const own = [`tests/${name}.c`, "tests/engine.c"];
  const sources = [...own, ...C].map((file) => join(root, "native", file));
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
  const functions = [
    ...["layout", "resolve", "read", "write", "requests", "heads"],
    ...["packAddress", "packSubnet", "commonBits"],
  ];
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

/** The bodies of captured messages, each for every table: what the fuzzer begins with. */
function* seeds() {
  const vectors = join(root, "lib/netlink/vectors");
  for (const file of readdirSync(vectors)) {
    const [, ...lines] = readFileSync(join(vectors, file), "utf8").split("\n");
    const bytes = Buffer.from(lines.join(""), "hex");
    for (let at = 0; at + 16 <= bytes.length; at += (bytes.readUInt32LE(at) + 3) & ~3)
      yield bytes.subarray(at + 16, at + bytes.readUInt32LE(at));
  }
}

/** @param {string} seconds */
async function fuzz(seconds) {
  const folder = mkdtempSync(join(tmpdir(), "weft-fuzz-"));
  try {
    const { program, script } = await buildTest(folder, "codec-fuzz", ["clang", ...FUZZER]);
    const corpus = join(folder, "corpus");
    mkdirSync(corpus);
    [...seeds()].forEach((body, i) => {
      for (let table = 0; table < MOST_TABLES; table++)
        writeFileSync(join(corpus, `${i}-${table}`), Buffer.concat([Buffer.from([table]), body]));
    });
    const options = [`-max_total_time=${seconds}`, "-max_len=4096", "-print_final_stats=1"];
    const env = { ...process.env, CODEC_SCRIPT: script };
    execFileSync(program, [...options, corpus], { env, stdio: "inherit", cwd: folder });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** More than there are; what is above stands for a table again. */
const MOST_TABLES = 32;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [job, seconds = "60"] = process.argv.slice(2);
  if (job !== "fuzz") throw new Error("usage: node tools/codec.mjs fuzz [seconds]");
  await fuzz(seconds);
}
