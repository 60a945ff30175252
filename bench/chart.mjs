// @ts-check
// The chart: one bar per row, as long as our part of the reference's time, memory or size.
import { judge, ratio } from "./goals.mjs";

/**
 * @typedef {import("./scenarios.mjs").Row} Row
 */

const WIDTH = 980;
const LEFT = 370;
const SCALE = 440; /* as long as the reference's bar would be */
const STEP = 26;
const TOP = 64;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .small { font-size: 11px; fill: #59636e; }
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
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>weft compared with the reference plugins; shorter is better</title>
<style>${STYLE}
</style>
<text class="title" x="16" y="28">weft, as a part of what the reference plugins take</text>
<text class="small" x="16" y="48">grey: the reference = 1 · blue: weft, medians, shorter is better · orange: the goal</text>
${drawn.map((row, i) => drawRow(row, rows, TOP + i * STEP)).join("\n")}
<text class="small" x="16" y="${height - 16}">${escapeText(note)}</text>
</svg>
`;
}

/**
 * @param {Row} row
 * @param {readonly Row[]} rows
 * @param {number} y
 */
function drawRow(row, rows, y) {
  const value = ratio(row, "reference") ?? 0;
  const goal = goalOf(row, rows);
  const length = Math.min(value, 1) * SCALE;
  const label = `×${formatRatio(value)}${value > 1 ? " (cut)" : ""}`;
  const parts = [
    `<text x="${LEFT - 12}" y="${y + 16}" text-anchor="end">${escapeText(shorten(row.title))}</text>`,
    `<rect class="track" x="${LEFT}" y="${y + 4}" width="${SCALE}" height="16" rx="2"/>`,
    `<rect class="ours" x="${LEFT}" y="${y + 4}" width="${length.toFixed(1)}" height="16" rx="2"/>`,
    `<text x="${LEFT + SCALE + 10}" y="${y + 16}">${label}</text>`,
  ];
  if (goal !== undefined) {
    const x = (LEFT + goal * SCALE).toFixed(1);
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
  return title.replace(/ \(.*\)$/, "").replace(", first after a foreign change", ", index rebuilt");
}

/** @param {number} value */
export function formatRatio(value) {
  return value < 0.1 ? value.toFixed(3) : value.toFixed(2);
}

/** @param {string} text */
function escapeText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
