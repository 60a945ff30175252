/** What the documents tell people to say, so that tests say the same. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** The commands of docs/install.md for what networks leave, of which some find nothing. */
export function uninstallCommands(): string {
  const text = readFileSync(`${root}/docs/install.md`, "utf8");
  const blocks = Array.from(text.matchAll(/^```sh\n([\s\S]*?)^```$/gm), ([, block]) => block);
  return `${blocks.join("")}true`;
}

/** The words of docs/release.md after the name of a program, without what is said behind them. */
export function releaseCommands(program: string): readonly string[] {
  const text = readFileSync(`${root}/docs/release.md`, "utf8");
  const lines = text.matchAll(new RegExp(`^ {4}${program} (.*?)( +#.*)?$`, "gm"));
  return Array.from(lines, ([, words = ""]) => words);
}
