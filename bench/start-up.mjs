// @ts-check
// Where the time of VERSION, the shortest run, goes.
import { join } from "node:path";
import { interleave, netnsPath, pluginJob } from "./jobs.mjs";
import { run, work } from "./machine.mjs";
import { summarize } from "./measure.mjs";

/**
 * @typedef {import("./measure.mjs").Run} Run
 * @typedef {import("./scenarios.mjs").Bench} Bench
 * @typedef {import("./scenarios.mjs").Row} Row
 */

/** The functions between which bench/split.c takes the time. */
const WRAPPED = ["JS_NewRuntime2", "host_module", "JS_ReadObject", "_exit"];

/**
 * Where VERSION's time goes, in our image and in one that has to load everything at its start.
 * @param {Bench} bench
 * @returns {Row[]}
 */
export function measureStartUp({ rounds, nothing }) {
  const wrap = `-Wl,${WRAPPED.map((name) => `--wrap=${name}`).join(",")} bench/split.c`;
  const variants = [
    { name: "from the snapshot", folder: join(work, "snapshot"), env: {} },
    { name: "without snapshot", folder: join(work, "plain"), env: { SNAPSHOT: "0" } },
  ];
  const jobs = variants.map(({ name, folder, env }) => {
    run(process.execPath, ["tools/build.mjs"], { ...env, WEFT_DIST: folder, EXTRA_CFLAGS: wrap });
    const job = pluginJob("ours", "bridge", "VERSION", { config: { cniVersion: "1.0.0" } });
    return [{ ...job, label: name, program: join(folder, "bin/bridge") }];
  });
  const empty = {
    label: "nothing",
    netns: netnsPath("ours"),
    program: nothing,
    input: "",
    env: {},
  };
  const { runs } = interleave(2 * rounds, [...jobs, [empty]]);
  const rows = variants.flatMap(({ name }) => splitRows(name, runs));
  const figures = {
    ours: summarize(runs.filter(({ label }) => label === "nothing").map(({ ns }) => ns)),
  };
  return [
    ...rows,
    {
      id: "start-up-nothing",
      title: "start-up: a C program that does nothing",
      unit: "ns",
      figures,
    },
  ];
}

/**
 * @param {string} name
 * @param {readonly Run[]} runs
 * @returns {Row[]}
 */
function splitRows(name, runs) {
  const parts = runs.filter(({ label }) => label === name).map(splitOf);
  return /** @type {const} */ (["kernel", "engine", "bytecode", "JavaScript"]).map((part) => ({
    id: `start-up-${part}-${name.replaceAll(" ", "-")}`.toLowerCase(),
    title: `start-up ${name}: ${part}`,
    unit: "ns",
    figures: { ours: summarize(parts.map((each) => each[part])) },
  }));
}

/** @param {Run} run */
function splitOf({ ns, output }) {
  const [, whole, engine, bytecode] = (/^split\t.*$/m.exec(output)?.[0] ?? "")
    .split("\t")
    .map(Number);
  if (whole === undefined || engine === undefined || bytecode === undefined)
    throw new Error(`Cannot split the start-up: the output is "${output}"`);
  return { kernel: ns - whole, engine, bytecode, JavaScript: whole - engine - bytecode };
}
