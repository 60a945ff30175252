// @ts-check
// Shows where the time of one run goes, call by call, by phase, and in total by system call.
import { execFileSync } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bridgeConfig, pluginJob } from "./jobs.mjs";
import { addNetns, enterPrivateMachine, stop, work } from "./machine.mjs";
import { inputFile, measureEach, summarize } from "./measure.mjs";

/**
 * One system call. `before` is the program's own time since the call before it, `inside` the time
 * in the kernel; all in microseconds.
 * @typedef {{
 *   readonly phase: string,
 *   readonly name: string,
 *   readonly text: string,
 *   readonly at: number,
 *   readonly before: number,
 *   readonly inside: number,
 *   readonly isFailed: boolean,
 * }} Call
 * @typedef {import("./measure.mjs").Job} Job
 */

const COMMANDS = ["ADD", "DEL", "CHECK", "VERSION", "STATUS", "GC"];
const PLUGINS = ["bridge", "host-local"];
const REPEATS = 15;

/**
 * What a call belongs to, by the first pattern that its text fits.
 * @type {readonly (readonly [phase: string, pattern: RegExp])[]}
 */
const PHASES = [
  ["child processes", /^(fork|vfork|clone3?|wait4|waitid|pidfd_open|pipe2?)\(/],
  ["input", /^(read|readv|fstat|lseek)\(0\D/],
  ["answer", /^writev?\(1\D/],
  ["end", /^exit(_group)?\(/],
  ["masquerade", /NETLINK:\[NETFILTER|NETLINK_NETFILTER|xtables|nf_tables/],
  ["links, addresses, routes", /NETLINK:\[|AF_NETLINK|NETLINK_ROUTE/],
  ["address management", /\/var\/lib\/cni|\/run\/weft|boot_id|^flock\(/],
  ["kernel settings", /\/proc\/sys\/net\//],
  ["namespaces", /netns|net:\[|^setns\(|\/ns\/net/],
  [
    "start",
    /^(execve|brk|mmap|munmap|mprotect|arch_prctl|set_tid_address|prlimit64|rseq|rt_sig\w+)\(/,
  ],
];

function main() {
  const { subject, plugin, command, ipMasq, isBrief } = parseArguments(process.argv.slice(2));
  enterPrivateMachine();
  addNetns(subject);
  addNetns("container0");
  const name = `where-${subject}`;
  const config = { ...bridgeConfig(name, ipMasq), cniVersion: versionFor(command) };
  const make = (/** @type {string} */ verb, /** @type {object} */ more = {}) =>
    pluginJob(subject, plugin, verb, { config: { ...config, ...more } });
  const added = measureEach([make("ADD"), make("DEL"), make("ADD")]).at(-1);
  const job = make(command, additions(command, added?.output ?? ""));
  const [undo, redo] = [make("DEL"), make("ADD")];

  const real = measureReal(job, undo, redo);
  if (command === "ADD") measureEach([undo]);
  const calls = trace(job);
  if (!isBrief) printCalls(calls);
  printTotals("phase", calls, ({ phase }) => phase);
  printTotals("system call", calls, ({ name: call }) => call);
  const whole = sum(calls.map(({ before, inside }) => before + inside));
  console.log(`
${calls.length} calls, ${format(whole)} ms under strace, which makes every call longer; the shares count.
The same run without strace: median ${format(real.median / 1e3)} ms (p90 ${format(real.p90 / 1e3)}).`);
}

/** @param {readonly string[]} args */
function parseArguments(args) {
  const options = new Set(args);
  const take = (/** @type {readonly string[]} */ choices) =>
    choices.filter((each) => options.delete(each));
  const [command = "ADD"] = take(COMMANDS);
  const [plugin = "bridge"] = take(PLUGINS);
  const flags = take(["--masquerade", "--reference", "--brief"]);
  if (options.size > 0)
    stop(`Cannot trace "${[...options][0]}"
usage: node bench/where.mjs [${COMMANDS.join("|")}] [${PLUGINS.join("|")}] [--masquerade] [--reference] [--brief]
  --masquerade  with ipMasq
  --reference   the reference's executable instead of ours
  --brief       only the totals, not every call`);
  return {
    subject: flags.includes("--reference")
      ? /** @type {const} */ ("reference")
      : /** @type {const} */ ("ours"),
    plugin,
    command,
    ipMasq: flags.includes("--masquerade"),
    isBrief: flags.includes("--brief"),
  };
}

/** @param {string} command */
function versionFor(command) {
  return command === "GC" || command === "STATUS" ? "1.1.0" : "1.0.0";
}

/**
 * What a command's configuration has beyond that of ADD.
 * @param {string} command
 * @param {string} result
 */
function additions(command, result) {
  if (command === "CHECK") return { prevResult: JSON.parse(result) };
  return command === "GC" ? { "cni.dev/valid-attachments": [] } : {};
}

/**
 * The time without strace, with the attachment in the state that the command expects.
 * @param {Job} job
 * @param {Job} undo
 * @param {Job} redo
 */
function measureReal(job, undo, redo) {
  /** @type {number[]} */
  const times = [];
  for (let i = 0; i < REPEATS; i++) {
    if (job.env.CNI_COMMAND === "ADD") measureEach([undo]);
    times.push(measureEach([job])[0]?.ns ?? 0);
    if (job.env.CNI_COMMAND === "DEL" || job.env.CNI_COMMAND === "GC") measureEach([undo, redo]);
  }
  return summarize(times);
}

/**
 * @param {Job} job
 * @returns {Call[]}
 */
function trace({ netns, program, input, env }) {
  const file = join(work, "trace");
  const variables = Object.entries({ PATH: process.env.PATH ?? "", ...env }).map(
    ([name, value]) => `-E${name}=${value}`,
  );
  const options = ["-f", "-qq", "-ttt", "-T", "-yy", "-s", "48", "-o", file, ...variables];
  execFileSync("nsenter", [`--net=${netns}`, "strace", ...options, program], {
    stdio: [openSync(inputFile(input), "r"), openSync("/dev/null", "w"), "inherit"],
    env: { PATH: process.env.PATH },
  });
  return parse(readFileSync(file, "utf8"));
}

/**
 * Joins what strace splits when another process comes between: "… <unfinished ...>" and
 * "<... name resumed>…".
 * @param {string} text
 * @returns {Call[]}
 */
function parse(text) {
  /** @type {Map<string, { at: number, text: string }>} */
  const unfinished = new Map();
  /** @type {Map<string, number>} */
  const ends = new Map();
  /** @type {Call[]} */
  const calls = [];
  let first = Number.NaN;
  for (const line of text.split("\n")) {
    const [, process = "", time = "", rest = ""] = /^(\d+)\s+(\d+\.\d+) (.*)$/.exec(line) ?? [];
    if (rest === "" || /^(---|\+\+\+)/.test(rest)) continue;
    const now = Number(time) * 1e6;
    first = Number.isNaN(first) ? now : first;
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const open = unfinished.get(process);
    const at = resumed && open ? open.at : now;
    const call = resumed && open ? open.text + resumed[1] : rest;
    if (call.endsWith("<unfinished ...>") && !call.startsWith("exit")) {
      unfinished.set(process, { at, text: call.slice(0, -"<unfinished ...>".length).trimEnd() });
      continue;
    }
    const inside = Number(/<(\d+\.\d+)>$/.exec(call)?.[1] ?? 0) * 1e6;
    calls.push(toCall(call, { at: at - first, before: at - (ends.get(process) ?? at), inside }));
    ends.set(process, at + inside);
  }
  return calls.sort((a, b) => a.at - b.at);
}

/**
 * @param {string} text
 * @param {{ readonly at: number, readonly before: number, readonly inside: number }} times
 * @returns {Call}
 */
function toCall(text, times) {
  const phase = PHASES.find(([, pattern]) => pattern.test(text))?.[0] ?? "other";
  const name = /^\w+/.exec(text)?.[0] ?? "?";
  return { phase, name, text, ...times, isFailed: / = -1 E/.test(text) };
}

/** @param {readonly Call[]} calls */
function printCalls(calls) {
  console.log("      at   before   inside  call (ms)");
  let phase = "";
  for (const call of calls) {
    if (call.phase !== phase) console.log(`\n${call.phase}`);
    phase = call.phase;
    const numbers = [call.at, call.before, call.inside].map((value) => format(value).padStart(8));
    const text = call.text.replace(/ <\d+\.\d+>$/, "");
    console.log(`${numbers.join(" ")}  ${text.length > 150 ? `${text.slice(0, 149)}…` : text}`);
  }
}

/**
 * @param {string} title
 * @param {readonly Call[]} calls
 * @param {(call: Call) => string} keyOf
 */
function printTotals(title, calls, keyOf) {
  const time = (/** @type {Call} */ { before, inside }) => before + inside;
  const whole = sum(calls.map(time));
  const groups = [...new Set(calls.map(keyOf))].map((key) => {
    const own = calls.filter((call) => keyOf(call) === key);
    return { key, own, total: sum(own.map(time)) };
  });
  console.log(`\n${title.padEnd(26)}  calls failed  before  inside   share`);
  for (const { key, own, total } of groups.sort((a, b) => b.total - a.total))
    console.log(
      [
        key.padEnd(26),
        String(own.length).padStart(6),
        String(own.filter(({ isFailed }) => isFailed).length || "").padStart(6),
        format(sum(own.map(({ before }) => before))).padStart(7),
        format(sum(own.map(({ inside }) => inside))).padStart(7),
        `${((100 * total) / whole).toFixed(1)} %`.padStart(7),
      ].join(" "),
    );
}

/** @param {readonly number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** @param {number} microseconds */
function format(microseconds) {
  return (microseconds / 1e3).toFixed(3);
}

main();
