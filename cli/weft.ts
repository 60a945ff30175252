/**
 * weft: the suite's own command line, for people.
 *
 *   weft add NETWORK NETNS     a command, and the words it takes
 *   weft help                  what there is: each command has its page in pages/
 *
 * By a link named cnitool it is called as that program is, and by one named flanneld as `weft agent`.
 */

import * as host from "host";
import { oneLine } from "../lib/cni/error.ts";
import { lazily } from "../lib/host/lazy.ts";
import type { Finding } from "./findings.ts";
import type { Called } from "./list-commands.lazy.ts";
import type { PluginReport } from "./plugin.ts";
import { isTerminal, validateFile } from "./validate.ts";

/** Set by the build from package.json. */
declare const WEFT_VERSION: string;

/** Exit statuses. */
const FINE = 0;
const FAULTY = 1;

/** Runs the command line and ends the process. */
export function main(): void {
  const [name = "", command = "", ...words] = host.args();
  const called = name.slice(name.lastIndexOf("/") + 1);
  if (called === "flanneld") host.exit(run("agent", host.args().slice(1)));
  host.exit(called === "cnitool" ? runAsTool(command, words) : run(command, words));
}

/** As cnitool: it knows no options, ignores further words, and fails in one way only. */
function runAsTool(command: string, words: readonly string[]): number {
  const isRight = words.length >= 2 && listCommands.includes(command);
  const outcome = isRight
    ? runList(command, { words: words.slice(0, 2), isTool: true })
    : undefined;
  if (outcome === undefined) help().toolMisused();
  return outcome === FINE ? FINE : FAULTY;
}

/** Commands that run the plugins of a list. */
const listCommands = ["add", "check", "del", "gc", "status"];

/** Commands that are `<name>.lazy.ts`, one file each. */
const ownCommands: readonly string[] = [
  // one name a line
  "agent",
  "completion",
  "doctor",
  "help",
  "install",
  "ipam",
  "log",
  "plan",
  "policy",
  "ps",
  "reapply",
  "show",
  "topology",
];

/** A command, given the words behind it: the exit status, or undefined if it was called wrongly. */
type Command = (words: readonly string[]) => number | undefined;

const smallCommands: { readonly [name: string]: Command } = {
  list: () => say(1, `${host.commands().sort().join("\n")}\n`),
  version: () => say(1, `weft ${WEFT_VERSION}\n`),
  validate,
  inventory: showInventory,
};

/** All commands there are. */
export const commands: readonly string[] = [
  ...listCommands,
  ...ownCommands,
  ...Object.keys(smallCommands),
];

function run(command: string, words: readonly string[]): number {
  const all = [command, ...words];
  if (all.some((word) => word === "--help" || word === "-h")) return help().run(all);
  return commandOf(command)?.(words) ?? help().misused(all);
}

function commandOf(name: string): Command | undefined {
  if (listCommands.includes(name)) return (words) => runList(name, { words, isTool: false });
  if (ownCommands.includes(name)) return lazily<{ readonly run: Command }>(name).run;
  return Object.hasOwn(smallCommands, name) ? smallCommands[name] : undefined;
}

function runList(command: string, called: Called): number | undefined {
  const module = lazily<typeof import("./list-commands.lazy.ts")>("list-commands");
  const isFine = module.listCommand(command, called);
  if (isFine === undefined) return undefined;
  return isFine ? FINE : FAULTY;
}

function help() {
  return lazily<typeof import("./help.lazy.ts")>("help");
}

function say(fd: number, text: string): number {
  host.write(fd, host.encode(text));
  return FINE;
}

/** One line per thing, or why they cannot be told. */
function showInventory(words: readonly string[]): number | undefined {
  const said = lazily<typeof import("./inventory.lazy.ts")>("inventory").inventory(words);
  if (!said) return undefined;
  const isFine = said.stream === "stdout";
  for (const line of said.lines) say(isFine ? 1 : 2, `${line}\n`);
  return isFine ? FINE : FAULTY;
}

/** One line per finding, a last one per file without an error; 1 if any file has one. */
function validate(files: readonly string[]): number | undefined {
  if (files.some((file) => /^-./.test(file) || file === "")) return undefined;
  if (files.length === 0 && isTerminal()) say(2, "Reads a configuration from standard input.\n");
  const faulty = (files.length > 0 ? files : ["-"]).filter((file) => {
    const report = validateFile(file);
    for (const line of linesOf(report)) say(1, `${oneLine(`${file}: ${line}`)}\n`);
    return hasError(report);
  });
  return faulty.length > 0 ? FAULTY : FINE;
}

function hasError({ findings }: PluginReport): boolean {
  return findings.some(({ level }) => level === "error");
}

/** Errors first; nobody is told that a file is valid of which a part was not looked at. */
function linesOf(report: PluginReport): readonly string[] {
  const { findings, plugins, checked } = report;
  const of = (wanted: Finding["level"]) => findings.filter(({ level }) => level === wanted);
  const lines = [...of("error"), ...of("warning")].map(
    ({ level, path, state }) => `${level}: ${path === "" ? "" : `${path}: `}${state}`,
  );
  if (hasError(report)) return lines;
  const verdict = checked === plugins ? "valid" : `checked: ${checked} of ${plugins} plugins`;
  return [...lines, verdict];
}
