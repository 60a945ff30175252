/**
 * weft: the suite's own command line, for people.
 *
 *   weft add|del|check NETWORK NETNS
 *                               runs the plugins of a network for a namespace
 *   weft status NETWORK         asks them whether they could
 *   weft gc NETWORK             detaches what is left of containers that are gone
 *   weft list                   the commands in this image
 *   weft version                the suite's version
 *   weft validate [FILE…]       what is wrong with network configurations, before pods find out
 *   weft inventory NETWORK …    what a network's attachments have on this machine
 *
 * By a link named cnitool it is called as that program is.
 */

import * as host from "host";
import { oneLine } from "../lib/cni/error.ts";
import { lazily } from "../lib/host/lazy.ts";
import type { Finding } from "./findings.ts";
import type { Called } from "./list-commands.lazy.ts";
import type { PluginReport } from "./plugin.ts";
import { runUsage, toolUsage, usage } from "./usage.ts";
import { isTerminal, validateFile } from "./validate.ts";

/** Set by the build from package.json. */
declare const WEFT_VERSION: string;

/** Exit statuses. */
const FINE = 0;
const FAULTY = 1;
const MISUSED = 2;

/** Runs the command line and ends the process. */
export function main(): void {
  const [name = "", command = "", ...words] = host.args();
  const isTool = name.slice(name.lastIndexOf("/") + 1) === "cnitool";
  host.exit(isTool ? runAsTool(command, words) : run(command, words));
}

/** As cnitool: it knows no options, ignores further words, and fails in one way only. */
function runAsTool(command: string, words: readonly string[]): number {
  const isRight = words.length >= 2 && listCommands.includes(command);
  const outcome = isRight ? runList(command, { words: words.slice(0, 2), isTool: true }) : MISUSED;
  if (outcome === MISUSED) say(2, toolUsage);
  return outcome === FINE ? FINE : FAULTY;
}

/** Commands that run the plugins of a list. */
const listCommands = ["add", "check", "del", "gc", "status"];

/** Commands that are `<name>.lazy.ts`, one file each. */
const ownCommands: readonly string[] = [];

function runList(command: string, called: Called): number {
  const module = lazily<typeof import("./list-commands.lazy.ts")>("list-commands");
  const isFine = module.listCommand(command, called);
  if (isFine === undefined) return MISUSED;
  return isFine ? FINE : FAULTY;
}

function run(command: string, files: readonly string[]): number {
  const isHelp = [command, ...files].some((word) => word === "--help" || word === "-h");
  const isRun = listCommands.includes(command === "help" ? (files[0] ?? "") : command);
  const help = isRun ? runUsage : usage;
  if (isHelp || command === "help") return say(1, help);
  if (isRun) {
    const outcome = runList(command, { words: files, isTool: false });
    if (outcome === MISUSED) say(2, help);
    return outcome;
  }
  switch (command) {
    case "list":
      return say(1, `${host.commands().sort().join("\n")}\n`);
    case "version":
      return say(1, `weft ${WEFT_VERSION}\n`);
    case "validate":
      return validate(files);
    case "inventory":
      return showInventory(files);
    default:
      return runCommand(command, files);
  }
}

/** A command that is a module of its own: its status, or undefined if it was called wrongly. */
interface CommandModule {
  readonly run: (words: readonly string[]) => number | undefined;
}

function runCommand(command: string, words: readonly string[]): number {
  if (!ownCommands.includes(command)) return misused();
  return lazily<CommandModule>(command).run(words) ?? misused();
}

function say(fd: number, text: string): number {
  host.write(fd, host.encode(text));
  return FINE;
}

function misused(): number {
  say(2, usage);
  return MISUSED;
}

/** One line per thing, or why they cannot be told. */
function showInventory(words: readonly string[]): number {
  const said = lazily<typeof import("./inventory.lazy.ts")>("inventory").inventory(words);
  if (!said) return misused();
  const isFine = said.stream === "stdout";
  for (const line of said.lines) say(isFine ? 1 : 2, `${line}\n`);
  return isFine ? FINE : FAULTY;
}

/** One line per finding, a last one per file without an error; 1 if any file has one. */
function validate(files: readonly string[]): number {
  if (files.some((file) => /^-./.test(file) || file === "")) return misused();
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
