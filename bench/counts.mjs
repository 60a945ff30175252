// @ts-check
// What is counted and not timed: it is the same on a quiet machine and on a busy one.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { findCallgrind, makeCounter } from "./callgrind.mjs";
import { countPlain, countWithFiles, countWithLinks } from "./counted.mjs";
import { bridgeConfig, floorJob, pluginJob } from "./jobs.mjs";
import { ourBin, run, work } from "./machine.mjs";
import { measureEach, summarize } from "./measure.mjs";

/**
 * @typedef {import("./scenarios.mjs").Bench} Bench
 * @typedef {import("./scenarios.mjs").Row} Row
 * @typedef {import("./scenarios.mjs").Subject} Subject
 * @typedef {import("./measure.mjs").Job} Job
 */

/** The runs whose instructions are shown; instructions.mjs has more. */
const SHOWN = [
  "bridge VERSION",
  "host-local ADD",
  ...["bridge", "bridge with ipMasq", "bridge, portmap, bandwidth"].flatMap((list) =>
    ["ADD", "DEL"].map((command) => `${list} ${command}`),
  ),
];

/**
 * The system calls of one bridge ADD and of one DEL, with those of all their threads and children.
 * @param {Bench} bench
 * @returns {Row[]}
 */
export function countSystemCalls({ floor }) {
  const jobs = (/** @type {"ours" | "reference"} */ subject) => {
    const config = bridgeConfig(`calls-${subject}`, false);
    return commands.map((command) => pluginJob(subject, "bridge", command, { config }));
  };
  const commands = /** @type {const} */ (["ADD", "DEL"]);
  const counts = Object.entries({
    ours: jobs("ours"),
    reference: jobs("reference"),
    floor: commands.map((command) => floorJob(floor, command)),
  }).map(([subject, own]) => {
    measureEach(own); // makes what later runs find
    return { subject, counts: own.map(traceCount) };
  });
  return commands.map((command, i) => ({
    id: `calls-${command.toLowerCase()}`,
    title: `system calls of bridge ${command}`,
    unit: "count",
    figures: Object.fromEntries(
      counts.map(({ subject, counts }) => [subject, summarize([counts[i] ?? 0])]),
    ),
  }));
}

/** @param {Job} job */
function traceCount({ netns, program, input, env }) {
  const trace = join(work, "trace");
  const command = [`--net=${netns}`, "strace", "-f", "-qq", "-o", trace, program];
  execFileSync("nsenter", command, { input, env: { ...process.env, ...env } });
  return run("cat", [trace])
    .split("\n")
    .filter((line) => /^\d+ +\w+\(/.test(line)).length;
}

/**
 * The instructions of ours, as `instructions.mjs` counts them; nothing without callgrind.
 * @returns {Row[]}
 */
export function countInstructions() {
  const tool = findCallgrind();
  if (!tool) return [];
  const counter = makeCounter(ourBin, join(work, "counted"), tool);
  const counts = { ...countPlain(counter), ...countWithFiles(counter), ...countWithLinks(counter) };
  return SHOWN.flatMap((name) => {
    const count = counts[name];
    if (count === undefined) return [];
    return [
      {
        id: `instructions-${name.toLowerCase().replace(/\W+/g, "-")}`,
        title: `instructions of ${name}`,
        unit: /** @type {const} */ ("count"),
        figures: { ours: summarize([count]) },
      },
    ];
  });
}
