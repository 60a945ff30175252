/** The agent's log: a line for each event, as text for people or as JSON for programs. */

import * as host from "host";
import { oneLine } from "../lib/cni/error.ts";
import { timeText } from "../lib/cni/time-text.ts";
import type { Tell } from "./events.ts";

/** One object a line, of these four keys. */
export interface LogEntry {
  /** `2026-01-31T12:00:00Z` */
  readonly time: string;
  readonly level: "info" | "warning" | "error";
  readonly event: string;
  readonly message: string;
}

export type LogFormat = "text" | "json";

const levels: { readonly [event: string]: LogEntry["level"] } = {
  fault: "error",
  limited: "warning",
  lost: "warning",
  problem: "warning",
  store: "warning",
};

/** A line of so many bytes goes into a pipe whole or not at all (PIPE_BUF, with its end). */
const LONGEST = 4095;

/** An event as a line, without its end; a sentence that is too long for one is cut. */
export function lineOf(format: LogFormat, event: string, sentence: string): string {
  const line = format === "text" ? oneLine(`${event}: ${sentence}`) : jsonLine(event, sentence);
  if (sentence.length < LONGEST / 6 || host.encode(line).length <= LONGEST) return line;
  return lineOf(format, event, `${sentence.slice(0, Math.floor(sentence.length * 0.8))}...`);
}

function jsonLine(event: string, message: string): string {
  const time = timeText(host.realtime() / 1000);
  const entry: LogEntry = { time, level: levels[event] ?? "info", event, message };
  return JSON.stringify(entry);
}

/** Writes events to standard output; what nobody reads there is lost, and keeps nobody waiting. */
export function openLog(format: LogFormat): Tell {
  const fd = unwaiting(1);
  return (event, sentence) => {
    host.write(fd, host.encode(`${lineOf(format, event, sentence)}\n`));
  };
}

const O_WRONLY = 1;
const O_APPEND = 0o2000;
const O_NONBLOCK = 0o4000;

/** The same file, but for this process alone it does not wait; where there is no such way, as it is. */
function unwaiting(fd: number): number {
  const own = host.open(`/proc/self/fd/${fd}`, O_WRONLY | O_APPEND | O_NONBLOCK, 0);
  return own < 0 ? fd : own;
}
