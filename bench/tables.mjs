// @ts-check
// What the documents show of the results: tools/docs.mjs writes these between the markers of a page.
import { formatRatio } from "./chart.mjs";
import { ratio } from "./goals.mjs";

/**
 * @typedef {import("./scenarios.mjs").Row} Row
 * @typedef {Readonly<Record<"cpu" | "kernel" | "weft" | "reference", string>> & {
 *   readonly cores: number, readonly load: number }} Machine
 * @typedef {{ readonly machine: Machine, readonly date: string, readonly rows: readonly Row[] }} Results
 * @typedef {import("./measure.mjs").Figure} Figure
 * @typedef {{
 *   readonly machine: Machine & { readonly containerd: string },
 *   readonly date: string,
 *   readonly subjects: readonly string[],
 *   readonly rows: readonly {
 *     readonly pods: number,
 *     readonly what: "ready" | "removed" | "programs" | "left",
 *     readonly figures: readonly Figure[],
 *   }[],
 * }} CriResults
 */

/** The rows that README shows, and their words there. */
const SHORT = /** @type {const} */ ([
  ["version", "VERSION: a plugin's start"],
  ["bridge-add-plain", "`bridge` ADD"],
  ["bridge-add-masquerade", "`bridge` ADD with masquerade"],
  ["bridge-del-masquerade", "`bridge` DEL with masquerade"],
  ["ptp-add", "`ptp` ADD"],
  ["macvlan-add", "`macvlan` ADD"],
  ["chain-add", "ADD of a list: `bridge` with masquerade, `portmap`, `bandwidth`"],
  ["at-once-add", "40 `bridge` ADDs with masquerade at once"],
  ["host-local-add-30000", "`host-local` ADD with 30,000 reservations"],
  ["memory-plain", "peak memory of `bridge` ADD"],
  ["size", "size on disk"],
]);

/**
 * A few rows of `make bench`, and the chart of all that have a reference.
 * @param {Results} results
 */
export function shortTable(results) {
  const rows = SHORT.flatMap(([id, words]) => {
    const row = results.rows.find((each) => each.id === id);
    return row ? [cellsOf(row, words)] : [];
  });
  return [
    'Medians of whole processes, run by run in turn; "netlink calls alone" is a C program that sends what one `bridge`',
    `needs and does nothing else. Measured: ${where(results)}. \`make bench\` measures it on your machine.`,
    "",
    table(["", "weft", "reference", "ratio", "netlink calls alone"], rows),
    "",
    "![each figure as a part of the reference's](bench/results.svg)",
  ].join("\n");
}

/**
 * All rows of `make bench`.
 * @param {Results} results
 */
export function longTable(results) {
  const rows = results.rows.map((row) => cellsOf(row, row.title));
  const head = ["median", "weft", "reference", "ratio", "netlink calls alone"];
  return [`Measured: ${where(results)}.`, "", table(head, rows)].join("\n");
}

/** What is measured of pods, and its words. */
const OF_PODS = /** @type {const} */ ({
  ready: "until all are ready",
  removed: "until all are gone",
  programs: "processor time of the programs that containerd runs for them",
  left: "left behind: links, addresses, routes, rules, files",
});

/**
 * What `make bench-cri` measured: what a node sees of pods that come and go.
 * @param {CriResults} results
 */
export function criTable(results) {
  const rows = results.rows.map(({ pods, what, figures }) => [
    `${pods} pods at once, ${OF_PODS[what]}`,
    ...figures.flatMap((figure, i) => {
      const shown = what === "left" ? String(figure.median) : time(figure.median);
      if (i === 0) return [shown];
      const ours = figures[0]?.median ?? 0;
      return [shown, what === "left" ? "" : formatRatio(ours / figure.median)];
    }),
  ]);
  const [ours = "", ...references] = results.subjects;
  const head = references.flatMap((name) => [`reference ${upstream(name)}`, "ratio"]);
  const runs = results.rows[0]?.figures[0]?.runs ?? 0;
  return [
    `What a node sees of pods through containerd ${upstream(results.machine.containerd)}: sandboxes with a network of \`bridge\` with masquerade and`,
    `\`portmap\`, each with a mapped port. ${runs === 1 ? "One run" : `Medians of ${runs} runs`}: ${where(results)}. \`make bench-cri\` measures it on`,
    "your machine, and `make test-clients` at its end.",
    "",
    table(["", ours, ...head], rows),
  ].join("\n");
}

/**
 * What `make bench-overlay` measured.
 * @param {{ readonly rows: readonly import("./overlay.mjs").Row[] }} results
 */
export function overlayTable({ rows }) {
  const lines = rows.map(({ peers, cold, oneMore, same, messages, add, daemon }) => [
    peers.toLocaleString("en"),
    ...[add, cold, oneMore, same].map(({ median }) => time(median)),
    [messages.cold, messages.oneMore, messages.same].map((each) => each.messages).join(", "),
    bytes(daemon.peak),
    time(daemon.idle),
    time(daemon.mended),
  ]);
  const head = [
    ...["other hosts", "ADD", "all made", "one more", "nothing to do", "messages for these"],
    ...["daemon's memory", "idle for 5 s", "a deleted device is back"],
  ];
  return table(head, lines);
}

/**
 * What `make bench-cluster` measured.
 * @param {{
 *   readonly machine: Machine,
 *   readonly date: string,
 *   readonly rows: readonly import("./cluster.mjs").Row[],
 *   readonly fleet: import("./cluster.mjs").Fleet,
 * }} results
 */
export function clusterTable({ machine, date, rows, fleet }) {
  const lines = rows.map(({ store, kind, hosts, first, processor, peak, watch, latency }) => [
    `${kind === "weft" ? "weft agent" : "flanneld 0.28.10"}, ${hosts.toLocaleString("en")} hosts in ${store === "etcd" ? "etcd" : "Kubernetes"}`,
    ...[first, processor].map(({ median }) => time(median)),
    bytes(peak.median),
    `${(100 * watch.median).toFixed(1)} %`,
    time(latency.median),
  ]);
  const head = [
    ...["", "until all is in the kernel", "processor time of that", "peak memory"],
    ...["10 changes a second, of a core", "one change is in the kernel"],
  ];
  const { cpu, cores, load } = machine;
  return [
    table(head, lines),
    "",
    `With ${fleet.hosts} agents on this one machine, a new host is in all ${fleet.hosts} kernels after ${time(fleet.slowest.median)}; the largest of them`,
    `has needed ${bytes(fleet.peak)}. Measured on ${cores} cores of ${cpu} at load ${load}, ${date}.`,
  ].join("\n");
}

/**
 * What the figures belong to.
 * @param {Pick<Results, "machine" | "date">} results
 */
function where({ machine: { cpu, cores, kernel, load, weft, reference }, date }) {
  const [system = "", version = ""] = kernel.split(" ");
  const short = `${system} ${version.split(".").slice(0, 2).join(".")}`;
  return `weft ${weft}, reference plugins ${upstream(reference)}, on ${cores} cores of ${cpu} with ${short} at load ${load}, ${date}`;
}

/**
 * A version without what a distribution puts behind it.
 * @param {string} version
 */
function upstream(version) {
  return version.replace(/[+~-].*/, "");
}

/**
 * @param {Row} row
 * @param {string} words
 */
function cellsOf(row, words) {
  const { ours, reference, floor } = row.figures;
  const part = ratio(row, "reference");
  const shown = [ours, reference].map((figure) => (figure ? formatFigure(figure, row.unit) : ""));
  const alone = floor ? formatFigure(floor, row.unit) : "";
  return [words, ...shown, part === undefined ? "" : formatRatio(part), alone];
}

/**
 * @param {Figure} figure
 * @param {Row["unit"]} unit
 */
function formatFigure({ median }, unit) {
  if (unit === "count") return median.toLocaleString("en");
  return unit === "ns" ? time(median) : bytes(median);
}

/** @param {number} ns */
function time(ns) {
  if (ns >= 1e8) return `${ns < 1e11 ? (ns / 1e9).toPrecision(2) : (ns / 1e9).toFixed(0)} s`;
  return ns === 0 ? "0 ms" : `${short(ns / 1e6)} ms`;
}

/** @param {number} count */
function bytes(count) {
  return `${short(count / 1e6)} MB`;
}

/** @param {number} value */
function short(value) {
  if (value >= 100) return value.toFixed(0);
  return value === 0 ? "0.0" : value.toPrecision(2);
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
function table(head, rows) {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
