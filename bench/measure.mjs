// @ts-check
// Runs programs by bench/run.c and gives back what each took.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { compile, stop, work } from "./machine.mjs";

/**
 * One run of a program in the network namespace `netns`.
 * @typedef {{
 *   readonly label: string,
 *   readonly netns: string,
 *   readonly program: string,
 *   readonly args?: readonly string[],
 *   readonly input: string,
 *   readonly env: Readonly<Record<string, string>>,
 * }} Job
 *
 * @typedef {{
 *   readonly label: string,
 *   readonly ns: number,
 *   readonly peak: number,
 *   readonly faults: number,
 *   readonly status: number,
 *   readonly output: string,
 * }} Run
 *
 * `peak` is in bytes, `faults` counts page faults; both with those of children. `failed` counts the jobs of a group.
 * @typedef {{ readonly label: string, readonly ns: number, readonly failed: number }} Group
 */

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** @type {{ program: string, count: number, inputs: Map<string, string> } | undefined} */
let runner;

function getRunner() {
  if (!runner) {
    for (const folder of ["in", "out"]) mkdirSync(join(work, folder));
    runner = { program: compile("run"), count: 0, inputs: new Map() };
  }
  return runner;
}

/**
 * The path of a file with this text, for stdin.
 * @param {string} text
 */
export function inputFile(text) {
  const { inputs } = getRunner();
  const path = inputs.get(text) ?? join(work, "in", String(inputs.size));
  if (!inputs.has(text)) writeFileSync(path, text);
  inputs.set(text, path);
  return path;
}

/** @param {Job} job */
function line({ netns, input, program, args = [], env }) {
  const { count } = getRunner();
  const output = join(work, "out", String(count));
  getRunner().count = count + 1;
  const variables = Object.entries({ PATH, ...env }).map(([name, value]) => `${name}=${value}`);
  return {
    output,
    text: ["job", netns, inputFile(input), output, program, ...args, ...variables].join("\t"),
  };
}

/** @param {readonly string[]} plan */
function execute(plan) {
  const { program } = getRunner();
  const { status, stdout, stderr } = spawnSync(program, {
    input: `${plan.join("\n")}\n`,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  if (status !== 0) stop(`Cannot run the plan: ${stderr.trim()}`);
  return stdout
    .trimEnd()
    .split("\n")
    .map((answer) => answer.split("\t"));
}

/**
 * @param {string} label
 * @param {string} output
 * @param {readonly string[]} answer
 * @returns {Run}
 */
function toRun(label, output, [, ns, kilobytes, faults, status]) {
  const read = () => readFileSync(output, "utf8");
  return {
    label,
    ns: Number(ns),
    peak: Number(kilobytes) * 1024,
    faults: Number(faults),
    status: Number(status),
    output: read(),
  };
}

/**
 * Runs the jobs one after the other. Every one has to succeed: a failure is no measurement.
 * @param {readonly Job[]} jobs
 * @returns {Run[]}
 */
export function measureEach(jobs) {
  const lines = jobs.map(line);
  const answers = execute(lines.map(({ text }) => text));
  return jobs.map((job, i) => {
    const result = toRun(job.label, lines[i]?.output ?? "", answers[i] ?? []);
    if (result.status !== 0)
      stop(`Cannot measure ${basename(job.program)} "${job.label}": it failed\n${result.output}`);
    return result;
  });
}

/**
 * Starts the jobs at once and waits for all; failures are counted, and the first is shown.
 * @param {string} label
 * @param {readonly Job[]} jobs
 * @returns {Group}
 */
export function measureAtOnce(label, jobs) {
  const lines = jobs.map(line);
  const answers = execute([`group\t${jobs.length}`, ...lines.map(({ text }) => text)]);
  const runs = jobs.map((job, i) => toRun(job.label, lines[i]?.output ?? "", answers[i] ?? []));
  const failures = runs.filter(({ status }) => status !== 0);
  if (failures[0]) console.error(`${label}: ${failures.length} failed\n${failures[0].output}`);
  return { label, ns: Number(answers.at(-1)?.[1]), failed: failures.length };
}

/**
 * The value that a part `share` of all values does not exceed (nearest rank).
 * @param {readonly number[]} values
 * @param {number} share
 */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error("Cannot take a quantile: no values");
  return value;
}

/** @typedef {{ readonly median: number, readonly p90: number, readonly runs: number }} Figure */

/**
 * @param {readonly number[]} values
 * @returns {Figure}
 */
export function summarize(values) {
  return { median: quantile(values, 0.5), p90: quantile(values, 0.9), runs: values.length };
}

/**
 * The same list in another order, the same one at every call with the same seed: no subject always
 * runs behind the same other one.
 * @template T
 * @param {readonly T[]} list
 * @param {number} seed
 * @returns {T[]}
 */
export function shuffle(list, seed) {
  let state = (seed + 1) * 2654435761;
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [result[i], result[j]] = [/** @type {T} */ (result[j]), /** @type {T} */ (result[i])];
  }
  return result;
}
