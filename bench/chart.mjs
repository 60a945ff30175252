// @ts-check
// The chart: one bar per row, as long as our part of the reference's time, memory or size.
import { judge, ratio } from "./goals.mjs";

/**
 * @typedef {import("./scenarios.mjs").Row} Row
 */

const SCALE = 440; /* as long as the reference's bar would be */
const RIGHT = 96; /* for the ratio behind the bar */
const MARGIN = 16;
const GAP = 12; /* between a label and its bar */
const STEP = 26;
const TOP = 64;
const SIZE = 13;
const SMALL = 11;
const WIDEST = 0.6; /* of a letter's height, in the fonts that browsers may choose */

const STYLE = `
  text { font: ${SIZE}px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .small { font-size: ${SMALL}px; fill: #59636e; }
  .track { fill: #eaeef2; }
  .ours { fill: #0969da; }
  .goal { stroke: #bc4c00; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .small { fill: #9198a1; }
    .track { fill: #30363d; }
    .ours { fill: #4493f8; }
    .goal { stroke: #f0883e; }
  }`;

/**
 * @param {readonly Row[]} rows
 * @param {Readonly<Record<string, string | number>>} machine
 */
export function drawChart(rows, machine) {
  const drawn = rows.filter(({ figures }) => figures.ours && figures.reference);
  const height = TOP + drawn.length * STEP + 48;
  const { cpu, cores, kernel, weft, reference } = machine;
  const note = `${cpu}, ${cores} cores · ${kernel} · weft ${weft} · reference ${reference}`;
  const labels = drawn.map(({ title }) => shorten(title));
  const left = MARGIN + Math.ceil(widest(labels, SIZE)) + GAP;
  const width = Math.max(left + SCALE + RIGHT, 2 * MARGIN + Math.ceil(widest([note], SMALL)));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
<title>weft compared with the reference plugins; shorter is better</title>
<style>${STYLE}
</style>
<text class="title" x="${MARGIN}" y="28">weft, as a part of what the reference plugins take</text>
<text class="small" x="${MARGIN}" y="48">grey: the reference = 1 · blue: weft, medians, shorter is better · orange: the goal</text>
${drawn.map((row, i) => drawRow(row, rows, { left, y: TOP + i * STEP })).join("\n")}
<text class="small" x="${MARGIN}" y="${height - 16}">${escapeText(note)}</text>
</svg>
`;
}

/**
 * How much room the longest text needs, in a font of this size.
 * @param {readonly string[]} texts
 * @param {number} size
 */
function widest(texts, size) {
  return Math.max(...texts.map((text) => text.length * size * WIDEST));
}

/**
 * @param {Row} row
 * @param {readonly Row[]} rows
 * @param {{ readonly left: number, readonly y: number }} place
 */
function drawRow(row, rows, { left, y }) {
  const value = ratio(row, "reference") ?? 0;
  const goal = goalOf(row, rows);
  const length = Math.min(value, 1) * SCALE;
  const label = `×${formatRatio(value)}${value > 1 ? " (cut)" : ""}`;
  const parts = [
    `<text x="${left - GAP}" y="${y + 16}" text-anchor="end">${escapeText(shorten(row.title))}</text>`,
    `<rect class="track" x="${left}" y="${y + 4}" width="${SCALE}" height="16" rx="2"/>`,
    `<rect class="ours" x="${left}" y="${y + 4}" width="${length.toFixed(1)}" height="16" rx="2"/>`,
    `<text x="${left + SCALE + 10}" y="${y + 16}">${label}</text>`,
  ];
  if (goal !== undefined) {
    const x = (left + goal * SCALE).toFixed(1);
    parts.push(`<path class="goal" d="M${x} ${y + 1}v22"/>`);
  }
  return parts.join("\n");
}

/**
 * The goal as a part of the reference's figure.
 * @param {Row} row
 * @param {readonly Row[]} rows
 */
function goalOf(row, rows) {
  const reference = row.figures.reference?.median ?? Number.NaN;
  for (const { against, atMost } of judge(row, rows)) {
    if (against === "reference") return atMost;
    if (against === "limit") return Math.min(1, atMost / reference);
  }
  return undefined;
}

/** @param {string} title */
function shorten(title) {
  return title
    .replace(/ \(.*\)$/, "")
    .replace(", first after a foreign change", ", index rebuilt")
    .replace(/^(\w+) of a list: .*/, "$1 of bridge, portmap and bandwidth");
}

/** @param {number} value */
export function formatRatio(value) {
  return value < 0.1 ? value.toFixed(3) : value.toFixed(2);
}

/** @param {string} text */
function escapeText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
