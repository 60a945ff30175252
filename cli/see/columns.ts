/** Columns for people: each as wide as its widest cell. What comes from outside stays on its line. */

import { oneLine } from "../../lib/cni/error.ts";

/** Lines of a table; the last column is not filled up. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const cells = rows.map((row) => (isPlain(row.join("")) ? row : row.map(oneLine)));
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map((row) => widthOf(row[i]))));
  return cells.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** Most rows are, and need no second look. */
function isPlain(text: string): boolean {
  return /^[ -~]*$/.test(text);
}

function widthOf(cell: string | undefined): number {
  return cell?.length ?? 0;
}

/** A cell that has nothing to say. */
export function orDash(text: string): string {
  return text === "" ? "-" : text;
}
