/**
 * What is being done, for people who wait: a line on the terminal that stderr is, after the first
 * second, which is erased at the end. Programs and files get none.
 *
 *   detaching 120 of 500: eth0 of container 6f2c11
 */

import * as host from "host";
import { oneLine } from "../lib/cni/error.ts";
import { terminalWidth } from "./terminal.ts";

/** Milliseconds before anything is told, and between two lines. */
const PATIENCE = 1000;
const PAUSE = 100;

/** Says what is done now. It is shown if it is time to: call it at each step. */
export type Tell = (text: string) => void;

/** Where progress is shown, and what the time is. */
export interface Screen {
  /** Columns; undefined if nobody is looking. */
  readonly width: number | undefined;
  readonly write: (text: string) => void;
  /** Milliseconds of a clock that only goes on. */
  readonly now: () => number;
}

/** Runs `body`, which tells of its steps; nothing of that is left when this returns or throws. */
export function withProgress<T>(body: (tell: Tell) => T, screen: Screen = stderr()): T {
  const { width, write, now } = screen;
  if (width === undefined) return body(() => undefined);
  let next = now() + PATIENCE;
  let isShown = false;
  const tell = (text: string) => {
    if (now() < next) return;
    next = now() + PAUSE;
    isShown = true;
    write(`${ERASE}${oneLine(text).slice(0, width - 1)}`);
  };
  try {
    return body(tell);
  } finally {
    if (isShown) write(ERASE);
  }
}

/** Back to the first column, and all behind it erased (ECMA-48, EL). */
const ERASE = "\r\x1b[K";

function stderr(): Screen {
  return {
    width: host.getenv("TERM") === "dumb" ? undefined : terminalWidth(2),
    write: (text) => void host.write(2, host.encode(text)),
    now: host.monotonic,
  };
}
