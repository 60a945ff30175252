// @ts-check
// Measures our executables, the reference's, and the floor, run by run in turn. See README.md.
import { formatRatio } from "./chart.mjs";
import { judge, ratio } from "./goals.mjs";
import { describeMachine, enterPrivateMachine, keepResults, stop } from "./machine.mjs";
import { scenarios, setUp } from "./scenarios.mjs";

/**
 * @typedef {import("./scenarios.mjs").Row} Row
 * @typedef {import("./goals.mjs").Verdict} Verdict
 */

const ROUNDS = 40;
const QUICK_ROUNDS = 8;

function main() {
  const { isQuick, isGate, names } = parseArguments(process.argv.slice(2));
  enterPrivateMachine();
  const machine = describeMachine();
  const bench = { ...setUp(), rounds: isQuick ? QUICK_ROUNDS : ROUNDS };
  /** @type {Row[]} */
  const rows = [];
  for (const name of names) {
    process.stderr.write(`${name} …\n`);
    rows.push(...(scenarios[name]?.(bench) ?? []));
  }
  printTable(rows, machine);
  const isBusy = machine.load > machine.cores;
  if (isBusy)
    console.log("\nBUSY: times say little, counts and sizes are as ever; nothing is written");
  else if (!isQuick && names.length === Object.keys(scenarios).length) keep(rows, machine);
  const judged = rows.filter(({ unit }) => !isBusy || unit !== "ns");
  const verdicts = judged.flatMap((row) => judge(row, rows));
  if (isGate && verdicts.some(({ isReached }) => !isReached)) process.exitCode = 1;
}

/** @param {readonly string[]} args */
function parseArguments(args) {
  const all = Object.keys(scenarios);
  const options = args.filter((arg) => arg.startsWith("-"));
  const names = args.filter((arg) => !arg.startsWith("-"));
  const wrong = [
    ...options.filter((arg) => arg !== "--quick" && arg !== "--gate"),
    ...names.filter((name) => !all.includes(name)),
  ];
  if (wrong.length > 0)
    stop(`Cannot measure "${wrong[0]}"
usage: node bench/bench.mjs [--quick] [--gate] [scenario ...]
  --quick   fewer runs; nothing is written
  --gate    exit 1 if a goal is missed; on a busy machine none of times
  scenario  ${all.join(", ")}`);
  const isOption = (/** @type {string} */ name) => options.includes(name);
  return {
    isQuick: isOption("--quick"),
    isGate: isOption("--gate"),
    names: names.length > 0 ? names : all,
  };
}

/**
 * @param {readonly Row[]} rows
 * @param {ReturnType<typeof describeMachine>} machine
 */
function printTable(rows, machine) {
  const { cpu, cores, kernel, load, weft, reference } = machine;
  console.log(
    `${cpu}, ${cores} cores, ${kernel}, load ${load}; weft ${weft}, reference ${reference}`,
  );
  console.log("median (p90); the floor makes only the netlink calls; ratios of medians\n");
  const head = ["", "ours", "reference", "floor", "× ref.", "× floor", "goal"];
  const lines = rows.map((row) => [
    row.title,
    ...formatFigures(row),
    ...[ratio(row, "reference"), ratio(row, "floor")].map((r) =>
      r === undefined ? "" : formatRatio(r),
    ),
    formatVerdicts(row, rows),
  ]);
  const widths = head.map((title, i) =>
    Math.max(title.length, ...lines.map((line) => (line[i] ?? "").length)),
  );
  for (const line of [head, ...lines]) {
    const cells = line.map((cell, i) => {
      const width = widths[i] ?? 0;
      return i === 0 || i === line.length - 1 ? cell.padEnd(width) : cell.padStart(width);
    });
    console.log(cells.join("  ").trimEnd());
  }
}

/** @param {Row} row */
function formatFigures({ figures, unit, failed }) {
  return /** @type {const} */ (["ours", "reference", "floor"]).map((subject) => {
    const figure = figures[subject];
    if (!figure) return "";
    const failures = failed?.[subject] ? `, ${failed[subject]} failed` : "";
    const p90 = figure.runs > 1 ? ` (${formatValue(figure.p90, unit)})` : "";
    return `${formatValue(figure.median, unit, true)}${p90}${failures}`;
  });
}

/**
 * @param {number} value
 * @param {Row["unit"]} unit
 * @param {boolean} withUnit
 */
function formatValue(value, unit, withUnit = false) {
  if (unit === "count") return value.toLocaleString("en");
  const scaled = value / 1e6;
  return `${scaled.toFixed(scaled < 100 ? 2 : 0)}${withUnit ? (unit === "ns" ? " ms" : " MB") : ""}`;
}

/**
 * @param {Row} row
 * @param {readonly Row[]} rows
 */
function formatVerdicts(row, rows) {
  return judge(row, rows)
    .map(({ against, atMost, value, isReached }) => {
      const mark = isReached ? "reached" : "MISSED";
      if (against === "limit") return `≤ ${formatValue(atMost, row.unit, true)} ${mark}`;
      if (against.startsWith("ours:")) {
        const other = rows.find(({ id }) => `ours:${id}` === against);
        return `≤ ${atMost} × "${other?.title}": ${formatRatio(value)} ${mark}`;
      }
      return `≤ ${atMost} × ${against} ${mark}`;
    })
    .join("; ");
}

/**
 * Writes what `make bench` leaves: the numbers, and what the documents show of them.
 * @param {readonly Row[]} rows
 * @param {ReturnType<typeof describeMachine>} machine
 */
function keep(rows, machine) {
  const judged = rows.map((row) => ({ ...row, goals: judge(row, rows).map(toResult) }));
  keepResults("results", { machine, rows: judged });
}

/** @param {Verdict} verdict */
function toResult({ against, atMost, value, isReached }) {
  return { against, atMost, value, isReached };
}

main();
