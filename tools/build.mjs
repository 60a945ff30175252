// Builds dist/bin: every command's TypeScript -> one ES module each and shared chunks (esbuild)
// -> QuickJS bytecode -> one static image with all of it, hard-linked under every command's name.
import { execFileSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { arrayPlugin } from "./arrays.mjs";
import { schemaPlugin } from "./schema.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = process.env.WEFT_DIST ?? join(root, "dist");
const architecture = { x64: "x86_64", arm64: "aarch64" }[process.arch];
const isSanitized = process.env.SANITIZE === "1";
const target = `${architecture}-unknown-linux-${isSanitized ? "gnu" : "musl"}`;
const engine = join(root, `node_modules/@suchipi/quickjs/build/${target}`);
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const debug = process.env.DEBUG === "1";

/** plugins/foo/foo.ts and ipam/foo/foo.ts are commands, as is cli/weft.ts; no list is kept by hand. */
function findCommands() {
  const cli = { name: "weft", entry: join(root, "cli/weft.ts") };
  return ["plugins", "ipam"]
    .flatMap((folder) =>
      readdirSync(join(root, folder))
        .filter((name) => existsSync(join(root, folder, name, `${name}.ts`)))
        .map((name) => ({ name, entry: join(root, folder, name, `${name}.ts`) })),
    )
    .concat(cli)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** x.lazy.ts, anywhere: a module of its own, loaded when somebody asks for it (lib/host/lazy.ts). */
function findLazyModules() {
  return ["lib", "plugins", "ipam", "cli"]
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true }).map((file) => join(root, folder, file)),
    )
    .filter((file) => file.endsWith(".lazy.ts"))
    .sort()
    .map((file) => ({ in: file, out: file.slice(file.lastIndexOf("/") + 1, -".ts".length) }));
}

async function bundle(commands) {
  const result = await build({
    entryPoints: [
      ...commands.map(({ name, entry }) => ({ in: entry, out: name })),
      ...findLazyModules(),
    ],
    outdir: join(dist, "js"),
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2023",
    external: ["host"],
    chunkNames: "chunk-[hash]",
    minify: !debug,
    legalComments: "none",
    charset: "utf8",
    treeShaking: true,
    metafile: true,
    define: { WEFT_VERSION: JSON.stringify(version) },
    plugins: [schemaPlugin(root), arrayPlugin(root)],
    logLevel: "warning",
  });
  writeFileSync(join(dist, "meta.json"), JSON.stringify(result.metafile));
  return Object.keys(result.metafile.outputs).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** What every pod needs is loaded first: it lies side by side then, on fewer pages. */
const FIRST = ["host-local.js", "bridge.js"];

function rank(path) {
  const at = FIRST.indexOf(path.slice(path.lastIndexOf("/") + 1));
  return at < 0 ? FIRST.length : at;
}

function run(program, ...args) {
  execFileSync(program, args.flat(), { stdio: ["ignore", "inherit", "inherit"] });
}

const CFLAGS = [
  "-std=gnu11",
  `-ffile-prefix-map=${root}/=`,
  "-Wall",
  "-Wextra",
  "-Werror",
  "-isystem",
  join(engine, "include"),
];
const ENGINE = [join(engine, "lib/quickjs-core.a"), "-lm", "-lpthread"];
const CC = process.env.CC ?? (isSanitized ? "gcc" : "musl-gcc");
/** The sanitizers need a C library they can look into, and memory that comes from it. */
const SANITIZE = [
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=all",
  "-fno-omit-frame-pointer",
  "-g",
  "-O1",
];

/** Where modules are linked to: a segment that nothing else is in, so that it can be left out. */
const MODULES_BASE = "0x20000000";

/** The table that finds a module by name. */
function moduleTable(modules) {
  const rows = modules.map(
    ({ name, isCommand }, i) => `    { "${name}", b${i}, b${i}_end, ${isCommand ? 1 : 0} },`,
  );
  const symbols = modules.map((_, i) => `extern const uint8_t b${i}[], b${i}_end[];`).join("\n");
  return `#include "host.h"\n${symbols}\nconst struct blob blobs[] = {\n${rows.join("\n")}\n    { 0, 0, 0, 0 },\n};\n`;
}

/** The modules' bytecode as the table wants it; without it, if a snapshot has it loaded. */
function moduleData(modules, withBytecode) {
  const data = modules.map(({ file }, i) =>
    withBytecode
      ? `.globl b${i}, b${i}_end\n.balign 16\nb${i}:\n.incbin "${file}"\nb${i}_end:\n.byte 0\n`
      : `.globl b${i}, b${i}_end\n.set b${i}, 0\n.set b${i}_end, 0\n`,
  );
  return `.section .modules,"a"\n${data.join("")}.section .note.GNU-stack,"",@progbits\n`;
}

/** Where arena.c has its memory: what is linked there is mapped there. */
const ARENA_BASE = /ARENA_BASE (0x\w+)/.exec(readFileSync(join(root, "native/host.h"), "utf8"))[1];

const STATIC = [
  "-O2",
  "-static",
  "-no-pie",
  "-s",
  "-Wl,--build-id=none",
  `-Wl,-T,${join(root, "tools/image.ld")}`,
  `-Wl,--section-start=.snapshot=${ARENA_BASE}`,
  `-Wl,--section-start=.modules=${MODULES_BASE}`,
];

/** The C sources of the image but its memory. */
const HOST = ["main.c", "host.c", "arguments.c", "process.c", "file.c", "socket.c"];

/** One static image whose arena holds the given file, or one empty page. */
function link(output, modules, snapshot) {
  writeFileSync(join(dist, "blobs.c"), moduleTable(modules));
  writeFileSync(join(dist, "modules.S"), moduleData(modules, !snapshot));
  const content = snapshot ? `.incbin "${snapshot}"` : ".zero 4096";
  writeFileSync(
    join(dist, "snapshot.S"),
    `.section .snapshot,"aw",@progbits\n${content}\n.section .note.GNU-stack,"",@progbits\n`,
  );
  const memory = isSanitized ? "heap.c" : "arena.c";
  const sources = [...HOST, memory].map((file) => join(root, "native", file));
  const extra = (process.env.EXTRA_CFLAGS ?? "").split(" ").filter(Boolean);
  run(
    CC,
    CFLAGS,
    isSanitized ? SANITIZE : STATIC,
    extra,
    `-Wa,-I${join(dist, "bytecode")}`,
    `-Wa,-I${dist}`,
    "-I",
    join(root, "native"),
    sources,
    join(dist, "blobs.c"),
    join(dist, "modules.S"),
    join(dist, "snapshot.S"),
    ENGINE,
    "-o",
    join(dist, output),
  );
}

/**
 * The plain image loads everything once and gives its memory; an image with the same code at the
 * same addresses, and that memory, starts where the plain one would be a millisecond later. What
 * has been loaded is not needed any more, and left out.
 */
function linkSnapshot(modules) {
  linkSync(join(dist, "plain"), join(dist, "write-snapshot"));
  const memory = execFileSync(join(dist, "write-snapshot"), [], { maxBuffer: 64 << 20, env: {} });
  writeFileSync(join(dist, "snapshot.bin"), memory);
  link("image", modules, "snapshot.bin");
  const [plain, image] = ["plain", "image"].map((name) => codeOf(readFileSync(join(dist, name))));
  if (!plain.equals(image))
    throw new Error("the code of the image moved: its snapshot cannot be used");
  for (const name of ["plain", "write-snapshot"]) rmSync(join(dist, name));
}

/** The bytes of the executable segment of an ELF file (elf.h: Elf64_Ehdr, Elf64_Phdr). */
function codeOf(elf) {
  const at = Number(elf.readBigUInt64LE(32));
  const headers = Array.from({ length: elf.readUInt16LE(56) }, (_, i) =>
    elf.subarray(at + 56 * i, at + 56 * i + 56),
  );
  const code = headers.find((header) => header.readUInt32LE(0) === 1 && header.readUInt32LE(4) & 1);
  const [offset, , , size] = [8, 16, 24, 32].map((field) => Number(code.readBigUInt64LE(field)));
  return Buffer.concat([code.subarray(16, 24), elf.subarray(offset, offset + size)]);
}

/** In one piece: as the linker writes it, the kernel keeps it in small ones, which cost every run. */
function rewrite(program) {
  const bytes = readFileSync(program);
  rmSync(program);
  writeFileSync(program, bytes, { mode: 0o755 });
}

async function main() {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(join(dist, "bytecode"), { recursive: true });
  mkdirSync(join(dist, "bin"));
  const commands = findCommands();
  const outputs = await bundle(commands);
  const compiler = join(dist, "compile");
  run(CC, CFLAGS, "-O1", "-static", join(root, "native/compile.c"), ENGINE, "-o", compiler);
  const modules = outputs.map((path) => {
    const base = path.slice(path.lastIndexOf("/") + 1);
    const command = commands.find(({ name }) => `${name}.js` === base);
    const name = command ? command.name : base.replace(/\.lazy\.js$/, ".lazy");
    run(
      compiler,
      join(root, path),
      name,
      join(dist, "bytecode", `${name}.bin`),
      debug ? "debug" : [],
    );
    return { name, file: `${name}.bin`, isCommand: command !== undefined };
  });
  link("plain", modules);
  if (process.env.SNAPSHOT === "0" || isSanitized)
    renameSync(join(dist, "plain"), join(dist, "image"));
  else linkSnapshot(modules);
  rewrite(join(dist, "image"));
  for (const { name } of commands) linkSync(join(dist, "image"), join(dist, "bin", name));
  const bytecode = modules.reduce(
    (sum, { file }) => sum + statSync(join(dist, "bytecode", file)).size,
    0,
  );
  const image = statSync(join(dist, "image")).size;
  console.log(
    `dist/bin: ${commands.length} commands, one image of ${Math.round(image / 1024)} KB, ` +
      `made of ${Math.round(bytecode / 1024)} KB of bytecode`,
  );
  rmSync(join(dist, "image"));
}

await main();
