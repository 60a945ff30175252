/**
 * `weft doctor`: what on this host keeps containers from working, or may, with what to do about it.
 * Nothing is changed. The status is that of the worst: 1 if there is an error.
 */

import * as host from "host";
import { CniError, oneLine } from "../lib/cni/error.ts";
import { checks } from "./doctor/checks.ts";
import { examineHost } from "./doctor/examined.ts";
import type { Check, Examined, Finding } from "./doctor/finding.ts";
import { withProgress } from "./progress.ts";

const FINE = 0;
const FAULTY = 1;

const levels: readonly Finding["level"][] = ["error", "warning", "note"];

/** With `--probe` checks may send something to other hosts (doctor/probing.ts). */
const options = ["--json", "--probe"];

/** Looks at this host; undefined if it was called with other words than the options. */
export function run(words: readonly string[]): number | undefined {
  if (words.some((word) => !options.includes(word))) return undefined;
  const isJson = words.includes("--json");
  const findings = worstFirst(examine());
  if (isJson) print(JSON.stringify(findings, null, 4));
  else for (const line of linesOf(findings)) print(oneLine(line));
  return findings.some(({ level }) => level === "error") ? FAULTY : FINE;
}

function examine(): readonly Finding[] {
  const examined = examineHost();
  return withProgress((tell) =>
    Object.entries(checks).flatMap(([name, check], i, { length }) => {
      tell(`${i + 1} of ${length}: ${name}`);
      return outcomeOf(name, check, examined);
    }),
  );
}

/** What a check finds; that it could not look is a finding as well, and ends nothing. */
function outcomeOf(name: string, check: Check, examined: Examined): readonly Finding[] {
  try {
    return check(examined);
  } catch (cause) {
    const { message } = CniError.from(cause);
    const advice = examined.isRoot ? "Look at what hinders it, and ask again" : "Ask again as root";
    const level = examined.isRoot ? "warning" : "note";
    return [{ id: "not-checked", level, finding: `Could not look at ${name}: ${message}`, advice }];
  }
}

function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  return levels.flatMap((wanted) => findings.filter(({ level }) => level === wanted));
}

function linesOf(findings: readonly Finding[]): readonly string[] {
  if (findings.length === 0)
    return [`nothing wrong: ${Object.keys(checks).length} things looked at`];
  return findings.map(({ id, level, finding, advice }) => `${level}: ${id}: ${finding}. ${advice}`);
}

function print(text: string): void {
  host.write(1, host.encode(`${text}\n`));
}
