/**
 * What a terminal shows in other ways than plainly (ECMA-48, SGR). Files, pipes, TERM=dumb and who
 * has set NO_COLOR to anything (no-color.org) get plain text.
 */

import * as host from "host";
import { terminalWidth } from "./terminal.ts";

/** Each gives a text as it is to be printed. */
export interface Colours {
  readonly bold: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly green: (text: string) => string;
}

/** How to write to a descriptor: 1 is stdout, 2 stderr. */
export function coloursOf(fd: number): Colours {
  const isColoured = isWanted() && terminalWidth(fd) !== undefined;
  const shown = (code: number) => (text: string) =>
    isColoured ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { bold: shown(1), red: shown(31), yellow: shown(33), green: shown(32) };
}

function isWanted(): boolean {
  return !host.getenv("NO_COLOR") && host.getenv("TERM") !== "dumb";
}
