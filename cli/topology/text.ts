/** The picture for a terminal: trees, in which things of one kind are aligned and many are counted. */

import { cut, plain } from "./plain.ts";
import { fewer, groupsOf } from "./siblings.ts";
import type { Branch } from "./tree.ts";

/** What of a picture is shown. */
export interface Extent {
  /** Columns that a line takes at most; undefined for whole lines. */
  readonly width: number | undefined;
  /** How many things of a kind are shown side by side; undefined for all. */
  readonly most: number | undefined;
}

/** A title and the trees below it, as lines. */
export function textOf(title: string, forest: readonly Branch[], extent: Extent): string[] {
  const lines = [plain(title), ...linesOf(forest, "", extent)];
  const { width } = extent;
  return width === undefined ? lines : lines.map((line) => cut(line, width));
}

/** What is beside each other; a line for how many are left out stands in their place. */
function linesOf(branches: readonly Branch[], before: string, extent: Extent): readonly string[] {
  const shown = groupsOf(branches).flatMap((group) => aligned(fewer(group, extent.most), extent));
  return shown.flatMap(({ text, branch }, i) => {
    const isLast = i === shown.length - 1;
    const line = `${before}${isLast ? "└─ " : "├─ "}${text}`;
    return [line, ...linesOf(branch.branches, `${before}${isLast ? "   " : "│  "}`, extent)];
  });
}

/** In columns; where a line would be too long, cells but the last are cut: one may not hide others. */
function aligned(group: readonly Branch[], { width }: Extent) {
  const whole = group.map(({ cells }) => cells.map(plain));
  const isLong = width !== undefined && Math.max(...whole.map(lengthOfRow)) > width;
  const rows = isLong ? whole.map(shortened) : whole;
  const full = rows.filter(({ length }) => length > 1);
  const widths = (full[0] ?? []).map((_, i) => Math.max(...full.map((row) => lengthOf(row[i]))));
  return group.map((branch, row) => {
    const cells = rows[row] ?? [];
    const isFull = cells.length > 1;
    const text = cells.map((cell, i) => (isFull ? padded(cell, widths[i] ?? 0) : cell));
    const filled = isFull ? text.filter((_, i) => (widths[i] ?? 0) > 0) : text;
    return { branch, text: filled.join("  ").trimEnd() };
  });
}

/** Columns that a cell takes at most if there is too little room for all: those of an IPv6 address. */
const CELL = 43;

function shortened(cells: readonly string[]): readonly string[] {
  return cells.map((cell, i) => (i < cells.length - 1 ? cut(cell, CELL) : cell));
}

function lengthOfRow(cells: readonly string[]): number {
  return cells.reduce((sum, cell) => sum + lengthOf(cell) + 2, 0);
}

function padded(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - lengthOf(cell)));
}

function lengthOf(cell = ""): number {
  return [...cell].length;
}
