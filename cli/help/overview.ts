/** All commands on one screen, by what people want of them. */

import type { Group } from "../pages/all.ts";
import type { Style } from "./layout.ts";

const TITLE_WIDTH = 11;
const NAME_WIDTH = 12;

/** What `weft help` prints. */
export function overview(groups: readonly Group[], { bold }: Style): string {
  const rows = groups.flatMap(({ title, pages }) =>
    commandsOf(pages).map(({ name, summary }, i) => {
      const first = i === 0 ? title : "";
      return `${first.padEnd(TITLE_WIDTH)}${bold(name)}${" ".repeat(NAME_WIDTH - name.length)}${summary}`;
    }),
  );
  const lines = [`${bold("usage:")} weft COMMAND ...    (weft COMMAND --help says more)`, ...rows];
  return `${lines.join("\n")}\n`;
}

/** A line for each first word: what is said of the command alone, or else of its first page. */
function commandsOf(pages: Group["pages"]): readonly { name: string; summary: string }[] {
  const names = [...new Set(pages.map(({ name }) => name.replace(/ .*/, "")))];
  return names.map((name) => {
    const own = pages.find((page) => page.name === name);
    const page = own ?? pages.find((each) => each.name.startsWith(`${name} `));
    return { name, summary: page?.summary ?? "" };
  });
}
