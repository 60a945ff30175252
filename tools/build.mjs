// Builds dist/bin: TypeScript -> one script and some modules (bundle.mjs) -> QuickJS bytecode
// -> one static image with all of it, hard-linked under every command's name. Beside it: dist/man and
// dist/completion (pages.mjs).
import { execFileSync } from "node:child_process";
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle, findCommands } from "./bundle.mjs";
import { writePages } from "./pages.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = process.env.WEFT_DIST ?? join(root, "dist");
const names = { x64: "x86_64", arm64: "aarch64" };
/** For another processor than this machine's: WEFT_CROSS is the folder that tools/arm64.sh has made. */
const cross = process.env.WEFT_CROSS;
const here = names[process.arch];
const architecture = cross ? "aarch64" : here;
const isSanitized = process.env.SANITIZE === "1";
const target = `${architecture}-unknown-linux-${isSanitized ? "gnu" : "musl"}`;
const engines = join(root, "node_modules/@suchipi/quickjs/build");
const engine = join(engines, target);
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const debug = process.env.DEBUG === "1";
const extra = (process.env.EXTRA_CFLAGS ?? "").split(" ").filter(Boolean);

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
/** BearSSL, as the distribution has compiled it: needs nothing but a few functions of a C library. */
const TLS_LIBRARY = cross
  ? join(cross, "root/usr/lib/aarch64-linux-gnu/libbearssl.a")
  : execFileSync("gcc", ["-print-file-name=libbearssl.a"], { encoding: "utf8" });
/** For programs that run here, while something is built. */
const CC_HERE = process.env.CC ?? (isSanitized ? "gcc" : "musl-gcc");
const CC = cross ? join(cross, "gcc") : CC_HERE;
/** The sanitizers need a C library they can look into, and memory that comes from it. */
const SANITIZE = [
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=all",
  "-fno-omit-frame-pointer",
  "-g",
  "-O1",
];

/** Where bytecode is linked to: a segment that nothing else is in, so that parts can be left out. */
const BLOBS_BASE = "0x20000000";

/** The table that finds what there is by name; a command without bytecode is in "hot". */
function blobTable({ commands, blobs }) {
  const inHot = commands.filter(({ isCold }) => !isCold).map(({ name }) => `"${name}", 0, 0, 1`);
  const others = blobs.map(({ name }, i) => {
    const isCommand = commands.some((command) => command.name === name);
    return `"${name}", b${i}, b${i}_end, ${isCommand ? 1 : 0}`;
  });
  const symbols = blobs.map((_, i) => `extern const uint8_t b${i}[], b${i}_end[];\n`);
  const rows = [...inHot, ...others, "0, 0, 0, 0"].map((row) => `    { ${row} },\n`);
  return `#include "host.h"\n${symbols.join("")}const struct blob blobs[] = {\n${rows.join("")}};\n`;
}

/** The bytecode as the table wants it; without what has been run, if there is a snapshot. */
function blobData(blobs, hasSnapshot) {
  const data = blobs.map(({ file, isScript }, i) =>
    hasSnapshot && isScript
      ? `.globl b${i}, b${i}_end\n.set b${i}, 0\n.set b${i}_end, 0\n`
      : `.globl b${i}, b${i}_end\n.balign 16\nb${i}:\n.incbin "${file}"\nb${i}_end:\n.byte 0\n`,
  );
  return `.section .blobs,"a"\n${data.join("")}.section .note.GNU-stack,"",@progbits\n`;
}

/** Where arena.c has its memory: what is linked there is mapped there. */
const ARENA_BASE = /ARENA_BASE (0x\w+)/.exec(readFileSync(join(root, "native/host.h"), "utf8"))[1];

const STATIC = [
  "-O2",
  "-static",
  "-no-pie",
  "-s",
  "-Wl,--build-id=none",
  // As is usual on x86: headers and what is only read are in no segment with code.
  "-Wl,-z,separate-code",
  `-Wl,-T,${join(root, "tools/image.ld")}`,
  `-Wl,--section-start=.snapshot=${ARENA_BASE}`,
  `-Wl,--section-start=.blobs=${BLOBS_BASE}`,
];

/** The C sources of the image but its memory. */
const HOST = [
  "main.c",
  "host.c",
  "arguments.c",
  "process.c",
  "file.c",
  "records.c",
  "mount.c",
  "socket.c",
  "codec.c",
  "layout.c",
  "layout-read.c",
  "layout-write.c",
  "packed.c",
  "snapshot.c",
];

/** What only an agent needs: at the end of the image (image.ld), and not among what others need. */
const AGENT_HOST = [
  "resolve.c",
  "base64.c",
  "digest.c",
  "tls.c",
  "tls-credentials.c",
  "tls-host.c",
  "tls-verifier.c",
];

/** Compiles those, for the linker to find by their names. */
function compileAgentHost() {
  // A source among the extra words is linked into the image (bench/start-up.mjs), and is no option.
  const flags = extra.filter((word) => !word.endsWith(".c"));
  return AGENT_HOST.map((file) => {
    const object = join(dist, `agent-${basename(file, ".c")}.o`);
    const options = isSanitized ? SANITIZE : ["-O2"];
    const headers = ["-isystem", "/usr/include/bearssl", "-I", join(root, "native")];
    run(CC, CFLAGS, options, flags, headers, "-c", join(root, "native", file), "-o", object);
    return object;
  });
}

/** What arena.c maps at once, at least: MAPPED_PAGE. */
const MAPPED_PAGE = architecture === "aarch64" ? 65536 : 4096;

/** One static image whose arena holds the given file, or one empty page. */
function link(output, parts, snapshot) {
  writeFileSync(join(dist, "blobs.c"), blobTable(parts));
  writeFileSync(join(dist, "blobs.S"), blobData(parts.blobs, snapshot !== undefined));
  const content = snapshot ? `.incbin "${snapshot}"` : `.zero ${MAPPED_PAGE}`;
  writeFileSync(
    join(dist, "snapshot.S"),
    `.section .snapshot,"aw",@progbits\n${content}\n.section .note.GNU-stack,"",@progbits\n`,
  );
  const memory = isSanitized ? "heap.c" : "arena.c";
  const sources = [...HOST, memory].map((file) => join(root, "native", file));
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
    join(dist, "blobs.S"),
    join(dist, "snapshot.S"),
    parts.agentHost,
    ENGINE,
    TLS_LIBRARY.trim(),
    "-o",
    join(dist, output),
  );
}

/**
 * The plain image runs the scripts once and gives its memory; an image with the same code at the same
 * addresses, and that memory, starts where the plain one would be some milliseconds later. What has
 * been run is not needed any more, and left out.
 */
function linkSnapshot(parts) {
  linkSync(join(dist, "plain"), join(dist, "write-snapshot"));
  // An emulator has no other way to tell the program its name.
  const [program, ...words] = cross
    ? ["qemu-aarch64-static", "-0", "write-snapshot", join(dist, "write-snapshot")]
    : [join(dist, "write-snapshot")];
  const memory = execFileSync(program, words, {
    maxBuffer: 64 << 20,
    env: { PATH: process.env.PATH },
  });
  if (memory.length % MAPPED_PAGE !== 0)
    throw new Error("the snapshot ends inside of a page: no kernel maps memory behind it");
  writeFileSync(join(dist, "snapshot.bin"), memory);
  link("image", parts, "snapshot.bin");
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

/** What makes bytecode runs on this machine; bytecode is the same for all that are little-endian. */
function compileCompiler(compiler) {
  const own = cross ? join(engines, `${here}-unknown-linux-musl`) : engine;
  const options = [...CFLAGS.slice(0, -1), join(own, "include"), "-O1", "-static"];
  const [, ...others] = ENGINE;
  const library = join(own, "lib/quickjs-core.a");
  run(CC_HERE, options, join(root, "native/compile.c"), library, others, "-o", compiler);
}

async function main() {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(join(dist, "bytecode"), { recursive: true });
  mkdirSync(join(dist, "bin"));
  const commands = findCommands(root);
  const compiler = join(dist, "compile");
  compileCompiler(compiler);
  const bundled = await bundle({ root, dist, commands, version, debug });
  const blobs = bundled.map(({ name, path, isScript }) => {
    const file = `${name}.bin`;
    run(
      compiler,
      isScript ? "script" : "module",
      path,
      name,
      join(dist, "bytecode", file),
      debug ? "debug" : [],
    );
    return { name, file, isScript };
  });
  const parts = { commands, blobs, agentHost: compileAgentHost() };
  link("plain", parts);
  if (process.env.SNAPSHOT === "0" || isSanitized)
    renameSync(join(dist, "plain"), join(dist, "image"));
  else linkSnapshot(parts);
  rewrite(join(dist, "image"));
  for (const { name } of commands) linkSync(join(dist, "image"), join(dist, "bin", name));
  await writePages({ root, dist, version });
  const sizes = blobs.map(({ file }) => statSync(join(dist, "bytecode", file)).size);
  const bytecode = sizes.reduce((sum, size) => sum + size, 0);
  const image = statSync(join(dist, "image")).size;
  console.log(
    `dist/bin: ${commands.length} commands, one image of ${Math.round(image / 1024)} KB, ` +
      `made of ${Math.round(bytecode / 1024)} KB of bytecode`,
  );
  rmSync(join(dist, "image"));
}

await main();
