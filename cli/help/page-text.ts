/** A page for a terminal: as much of it as fits a screen, or all. */

import { type Page, usualStatus } from "../pages/page.ts";
import { capitalised, rowLines, type Style, WIDTH, wrap } from "./layout.ts";

/** Lines of a screen, less that of the prompt. */
const SCREEN = 23;

/** A part of a page. Of those that may be left out, the lowest rank is taken first. */
interface Part {
  readonly rank: number;
  readonly lines: readonly string[];
}

/** How a command is called: each way on a line, or on several, which break before an option. */
export function usageLines(pages: readonly Page[], { bold }: Style): readonly string[] {
  const lines = pages.flatMap(({ synopsis }) => synopsis.flatMap(brokenWay));
  return lines.map((line, i) => `${i === 0 ? bold("usage:") : "      "} ${line}`);
}

function brokenWay(way: string): readonly string[] {
  const lines: string[] = [];
  for (const part of way.split(/ (?=\[)/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + part.length < WIDTH - "usage: ".length) {
      lines.splice(-1, 1, `${last} ${part}`);
    } else lines.push(last === undefined ? part : `    ${part}`);
  }
  return lines;
}

/** The page as text; what does not fit a screen is left out, and that is said, unless all is wanted. */
export function pageText(page: Page, style: Style, isAll: boolean): string {
  const parts = partsOf(page, style);
  const whole = joined(parts);
  if (isAll || whole.length <= SCREEN) return `${whole.join("\n")}\n`;
  const more = ["", `More: weft help ${page.name} --all, or man ${manualName(page)}`];
  const room = SCREEN - more.length;
  const kept: Part[] = [];
  for (const part of parts.toSorted((a, b) => a.rank - b.rank)) {
    if (part.rank === 0 || joined([...kept, part]).length <= room) kept.push(part);
  }
  return `${[...joined(parts.filter((part) => kept.includes(part))), ...more].join("\n")}\n`;
}

/** The pages of a command whose second words have one each: how they are called, and what they do. */
export function severalText(pages: readonly Page[], style: Style): string {
  const rows = pages.map(({ name, summary }) => ({ name, what: summary }));
  const lines = [...usageLines(pages, style), "", ...rowLines(rows, style)];
  return `${[...lines, "", `More: weft help ${pages[0]?.name}`].join("\n")}\n`;
}

/** The name of a page in the manual: `weft-ipam-ls`. */
export function manualName({ name }: Page): string {
  return `weft-${name.replace(/ /g, "-")}`;
}

/** The parts in their order; how it is called, what it does, and its options are always told. */
function partsOf(page: Page, style: Style): readonly Part[] {
  const { summary, text, options, variables = [], examples, status = usualStatus } = page;
  const titled = (title: string, lines: readonly string[]) =>
    lines.length > 0 ? ["", style.bold(`${title}:`), ...lines] : [];
  const optionRows = options.map(({ flags, what }) => ({ name: flags, what }));
  const exampleRows = examples.map(({ command, what }) => ({ name: command, what }));
  return [
    { rank: 0, lines: usageLines([page], style) },
    { rank: 0, lines: ["", ...wrap(`${capitalised(summary)}.`)] },
    ...text.map((each, i) => ({ rank: i + 2, lines: ["", ...wrap(each)] })),
    { rank: 0, lines: titled("Options", rowLines(optionRows, style)) },
    { rank: 1, lines: titled("Variables", rowLines(variables, style)) },
    { rank: 50, lines: titled("Examples", rowLines(exampleRows, style)) },
    { rank: 40, lines: ["", ...wrap(`Status: ${status}`)] },
  ];
}

function joined(parts: readonly Part[]): readonly string[] {
  return parts.flatMap(({ lines }) => lines);
}
