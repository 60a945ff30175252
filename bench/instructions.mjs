// @ts-check
// Counts the instructions of a plugin's runs, and compares them with instructions.json:
//   node bench/instructions.mjs [--without-links] [--check | --write]
//     --without-links  only runs that make no links
//     --check          exit 1 if a run takes more than it may; what cannot be counted here is left out
//     --write          write instructions.json anew
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { findCallgrind, makeCounter } from "./callgrind.mjs";
import { countPlain, countWithFiles, countWithLinks } from "./counted.mjs";
import { ourBin, root, run, stop, work } from "./machine.mjs";

/**
 * @typedef {import("./counted.mjs").Counts} Counts
 * What the counts depend on besides the sources.
 * @typedef {Readonly<Record<"processor" | "compiler" | "kernel", string>>} Surroundings
 * @typedef {Surroundings & { readonly counts: Counts }} Kept
 */

const FILE = join(root, "bench/instructions.json");
/** Set in the private machine. */
const INSIDE = "WEFT_COUNTING";
const NAMESPACES = ["-mn", "--propagation", "private"];
/** How much more a run may take than is kept: of what was built and run alike, and else. */
const MORE = { alike: 1.02, otherwise: 1.1 };

const options = new Set(process.argv.slice(2));
const isGate = options.delete("--check");
const isWrite = options.delete("--write");
const isWithoutLinks = options.delete("--without-links");

function main() {
  if (options.size > 0) stop(`Cannot count by "${[...options][0]}": see bench/README.md`);
  const tool = findCallgrind();
  if (!tool) return doWithout("valgrind's callgrind is not on this machine (tools/setup.sh test)");
  if (process.env[INSIDE]) return report(countPrivately(tool));
  if (isAllowed()) return continueInside();
  doWithout("only root may make the namespaces that most runs need", () => countPublicly(tool));
}

/**
 * What cannot be counted here is no fault of what is tested.
 * @param {string} why
 * @param {() => Counts} countRest
 */
function doWithout(why, countRest = () => ({})) {
  if (!isGate) stop(`Cannot count instructions: ${why}`);
  console.log(`instructions not counted: ${why}`);
  report(countRest());
}

/** In namespaces of its own, so that nothing of the machine is seen or touched. */
function continueInside() {
  const command = [...NAMESPACES, process.execPath, ...process.argv.slice(1)];
  const env = { ...process.env, [INSIDE]: "1" };
  process.exitCode = spawnSync("unshare", command, { env, stdio: "inherit" }).status ?? 1;
}

function isAllowed() {
  const words = [...NAMESPACES, "mount", "-t", "tmpfs", "counting", "/run"];
  return process.getuid?.() === 0 && spawnSync("unshare", words).status === 0;
}

/** @param {string} tool */
function countPrivately(tool) {
  for (const folder of ["/run", "/var/lib"])
    run("mount", ["-t", "tmpfs", "-o", "mode=0755", "counting", folder]);
  run("ip", ["link", "set", "lo", "up"]);
  const counter = makeCounter(ourBin, work, tool);
  const withLinks = isWithoutLinks ? {} : countWithLinks(counter);
  return { ...countPlain(counter), ...countWithFiles(counter), ...withLinks };
}

/** @param {string} tool */
function countPublicly(tool) {
  const folder = mkdtempSync(join(tmpdir(), "weft-"));
  try {
    return countPlain(makeCounter(ourBin, folder, tool));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {Counts} counts */
function report(counts) {
  const kept = readKept();
  const here = surroundings();
  print(counts, kept);
  if (isWrite) keep({ ...here, counts });
  else if (isGate) judge(counts, kept, mostOf(kept, here));
}

/** @returns {Kept} */
function readKept() {
  return JSON.parse(readFileSync(FILE, "utf8"));
}

/** @returns {Surroundings} */
function surroundings() {
  const compiler = spawnSync("gcc", ["-dumpfullversion"], { encoding: "utf8" }).stdout ?? "";
  const kernel = /^\d+\.\d+/.exec(release())?.[0] ?? "";
  return { processor: process.arch, compiler: compiler.trim(), kernel };
}

/**
 * How many times the counts kept a run may take; undefined where they say nothing.
 * @param {Surroundings} kept
 * @param {Surroundings} here
 */
function mostOf(kept, here) {
  if (kept.processor !== here.processor) return undefined;
  const isAlike = kept.compiler === here.compiler && kept.kernel === here.kernel;
  return isAlike ? MORE.alike : MORE.otherwise;
}

/**
 * @param {Counts} counts
 * @param {Kept} kept
 */
function print(counts, kept) {
  for (const [name, count] of Object.entries(counts)) {
    const before = kept.counts[name];
    const change = before ? `${(100 * (count / before - 1)).toFixed(2)} %` : "new";
    console.log(`${count.toLocaleString("en").padStart(12)}  ${change.padStart(9)}  ${name}`);
  }
}

/**
 * @param {Counts} counts
 * @param {Kept} kept
 * @param {number | undefined} most
 */
function judge(counts, kept, most) {
  if (most === undefined) return console.log(`not compared: ${kept.processor} was counted`);
  const missed = Object.entries(counts).filter(
    ([name, count]) => count > most * (kept.counts[name] ?? 0),
  );
  if (missed.length === 0) return;
  console.log(`TOO MANY instructions, over ${most} times what bench/instructions.json says:`);
  for (const [name] of missed) console.log(`  ${name}`);
  console.log("If they buy something: node bench/instructions.mjs --write, and a word why");
  process.exitCode = 1;
}

/** @param {Kept} kept */
function keep(kept) {
  writeFileSync(FILE, `${JSON.stringify(kept, null, 2)}\n`);
  run("tools/owner.sh", [FILE]);
}

main();
