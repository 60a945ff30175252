/** `weft help`, `--help`, and what is said to who calls a command wrongly. */

import * as host from "host";
import { oneLine } from "../lib/cni/error.ts";
import { nearest } from "../lib/cni/nearest.ts";
import { coloursOf } from "./colours.ts";
import { overview } from "./help/overview.ts";
import { pageText, severalText, usageLines } from "./help/page-text.ts";
import { commandNames, groups, pagesOf, topics } from "./pages/all.ts";
import type { Page } from "./pages/page.ts";

/** The words behind `help`, or all of those among which `--help` is; the exit status. */
export function run(words: readonly string[]): number {
  const isAll = words.includes("--all");
  const names = words.filter((word) => !["--help", "-h", "--all"].includes(word));
  const [first, ...more] = names;
  if (first === undefined) return print(1, overview(groups, coloursOf(1)));
  if (first === "help" && more.length > 0) return run(more);
  const found = pagesOf(names);
  const [page, ...others] = found;
  if (page === undefined) return unknown(first);
  if (others.length > 0 && !isAll) return print(1, severalText(found, coloursOf(1)));
  return print(1, found.map((each) => pageText(each, coloursOf(1), isAll)).join("\n"));
}

/** Says how a command is called, and names the option that it does not have; the exit status. */
export function misused(words: readonly string[]): number {
  const [name = ""] = words;
  const pages = pagesOf(words);
  if (name === "") print(2, overview(groups, coloursOf(2)));
  else if (pages.length === 0) return unknown(name);
  else {
    const lines = [...usageLines(pages, coloursOf(2)), ...complaint(words, pages), moreOf(pages)];
    print(2, `${lines.join("\n")}\n`);
  }
  return MISUSED;
}

/** By the name cnitool. */
export function toolMisused(): void {
  const pages = topics.filter(({ name }) => name === "cnitool");
  print(2, `${[...usageLines(pages, coloursOf(2)), moreOf(pages)].join("\n")}\n`);
}

const FINE = 0;
const MISUSED = 2;

function unknown(name: string): number {
  const meant = nearest(name, commandNames);
  const advice = meant === undefined ? '"weft help" lists commands' : `did you mean "${meant}"?`;
  print(2, `weft: unknown command "${oneLine(name)}", ${advice}\n`);
  return MISUSED;
}

/** The first option that no page of the command has. */
function complaint(words: readonly string[], pages: readonly Page[]): readonly string[] {
  const known = pages.flatMap(({ options }) => options.flatMap(({ flags }) => spellingsOf(flags)));
  const given = words.filter((word) => word.startsWith("-") && word.length > 1);
  const unknown = given
    .map((word) => word.replace(/=.*/s, ""))
    .find((word) => !known.includes(word));
  if (unknown === undefined || unknown === "--") return [];
  const meant = nearest(unknown, known);
  const advice = meant === undefined ? "" : `, did you mean "${meant}"?`;
  return [`unknown option "${oneLine(unknown)}"${advice}`];
}

function spellingsOf(flags: string): readonly string[] {
  return flags.split(/[\s,=]+/).filter((word) => word.startsWith("-"));
}

function moreOf([page]: readonly Page[]): string {
  return `"weft help ${page?.name}" says more.`;
}

function print(fd: number, text: string): number {
  host.write(fd, host.encode(text));
  return FINE;
}
