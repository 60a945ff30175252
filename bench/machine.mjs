// @ts-check
// The private machine that everything is measured in: own network and mount namespaces, with empty
// /run and /var/lib, so that nothing of the real machine is seen or touched, and nothing stays.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Where built programs, inputs and outputs are; it vanishes with the private machine. */
export const work = "/run/bench";

/** Our executables, and the reference's; PEER may name several folders, `dir:dir`. */
export const ourBin = resolve(process.env.WEFT_BIN ?? join(root, "dist/bin"));
export const referenceBins = (process.env.PEER ?? "/usr/lib/cni")
  .split(":")
  .map((dir) => resolve(dir));
export const referenceBin = referenceBins[0] ?? "";

const HIDDEN = ["/run", "/var/lib"];
/** Set in the private machine: the references' versions, which cannot be found out there. */
const INSIDE = "WEFT_BENCH_REFERENCE";

/**
 * Continues in a private machine: the calling process becomes the parent, and ends with its status.
 * With a namespace of processes of its own, all that it starts ends with it, also on Ctrl-C; and
 * then `after` clears away what is not the private machine's.
 * @param {{ readonly withProcesses?: boolean, readonly after?: () => void }} options
 */
export function enterPrivateMachine({ withProcesses = false, after = () => {} } = {}) {
  if (process.env[INSIDE] === undefined) {
    refuseWhatCannotWork();
    if (withProcesses) onSignals(() => {}); // those inside end, and then this process
    const processes = withProcesses ? ["--pid", "--fork", "--kill-child", "--mount-proc"] : [];
    const command = ["-mn", "--propagation", "private", ...processes, process.execPath];
    const { status } = spawnSync("unshare", [...command, ...process.argv.slice(1)], {
      env: { ...process.env, [INSIDE]: referenceBins.map(referenceVersion).join(":") },
      stdio: "inherit",
    });
    after();
    process.exit(status ?? 1);
  }
  if (withProcesses) onSignals(() => process.exit(1)); // the first process has no default
  for (const folder of HIDDEN) run("mount", ["-t", "tmpfs", "-o", "mode=0755", "bench", folder]);
  mkdirSync(work);
  run("ip", ["link", "set", "lo", "up"]);
}

/** @param {() => void} handle */
function onSignals(handle) {
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, handle);
}

function refuseWhatCannotWork() {
  if (process.getuid?.() !== 0) stop("Cannot make network namespaces: this user is not root");
  const folders = [["WEFT_BIN", ourBin], ...referenceBins.map((path) => ["PEER", path])];
  for (const [what, path = ""] of folders)
    if (!existsSync(join(path, "bridge")))
      stop(`Cannot measure the executables of ${what}: "${path}" has no file "bridge"`);
  for (const path of [root, ourBin, ...referenceBins, process.execPath])
    if (HIDDEN.some((folder) => realpathSync(path).startsWith(`${folder}/`)))
      stop(`Cannot hide /run and /var/lib: "${path}" is in there`);
}

/**
 * @param {string} sentence
 * @returns {never}
 */
export function stop(sentence) {
  console.error(sentence);
  process.exit(1);
}

/**
 * Runs a program that has to succeed, and returns what it prints.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string>>} env
 */
export function run(program, args, env = {}) {
  return execFileSync(program, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, ...env },
    maxBuffer: 1 << 28,
  });
}

/**
 * Compiles bench/<name>.c into a small static program, and returns its path. The C library's own
 * headers come first; the kernel's are found behind them.
 * @param {string} name
 */
export function compile(name) {
  const triplet = run("gcc", ["-print-multiarch"]).trim();
  const output = join(work, name);
  run("musl-gcc", [
    ...["-std=gnu11", "-O2", "-static", "-s", "-Wall", "-Wextra", "-Werror"],
    ...["-idirafter", "/usr/include", "-idirafter", `/usr/include/${triplet}`],
    ...[join(root, "bench", `${name}.c`), "-o", output],
  ]);
  return output;
}

/**
 * Adds a network namespace and returns its path.
 * @param {string} name
 */
export function addNetns(name) {
  run("ip", ["netns", "add", name]);
  run("ip", ["-n", name, "link", "set", "lo", "up"]);
  return `/run/netns/${name}`;
}

/** The machine and the versions that the figures belong to. */
export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    kernel: run("uname", ["-srm"]).trim(),
    weft: JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version + commit(),
    reference: referenceVersions()[0] ?? "unknown",
    load: Number(loadavg()[0]?.toFixed(1)),
  };
}

/**
 * Writes bench/<name>.json and, since they show its figures, the documents. What is written belongs
 * to the owner of the checkout.
 * @param {string} name
 * @param {object} results
 */
export function keepResults(name, results) {
  const file = join(root, "bench", `${name}.json`);
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(file, `${JSON.stringify({ date, ...results }, null, 2)}\n`);
  run("tools/owner.sh", [file]);
  run(process.execPath, ["tools/docs.mjs"]);
}

function commit() {
  const { status, stdout } = spawnSync("git", ["rev-parse", "--short", "HEAD"], {
    cwd: root,
    encoding: "utf8",
  });
  return status === 0 ? ` (${stdout.trim()})` : "";
}

/** The versions of `referenceBins`, in the private machine. */
export function referenceVersions() {
  return (process.env[INSIDE] ?? "").split(":");
}

/**
 * What a reference says of itself; the Debian package says it only in its package data.
 * @param {string} folder
 */
function referenceVersion(folder) {
  const { stderr } = spawnSync(join(folder, "bridge"), {
    input: "",
    encoding: "utf8",
    env: {},
  });
  const said = /plugin (?:version )?v?(\d\S*)/.exec(stderr)?.[1];
  if (said) return said;
  const args = ["-Wf", "$" + "{Version}", "containernetworking-plugins"];
  const { status, stdout } = spawnSync("dpkg-query", args, { encoding: "utf8" });
  const isPackaged = status === 0 && folder === "/usr/lib/cni";
  return isPackaged ? stdout.trim() : "unknown";
}
