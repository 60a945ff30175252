/**
 * weft: the suite's own command line, for people.
 *
 *   weft list                   the commands in this image
 *   weft version                the suite's version
 *   weft validate [FILE…]       what is wrong with network configurations, before pods find out
 *   weft inventory NETWORK …    what a network's attachments have on this machine
 */

import * as host from "host";
import { oneLine } from "../lib/cni/error.ts";
import { lazily } from "../lib/host/lazy.ts";
import type { Finding } from "./findings.ts";
import type { PluginReport } from "./plugin.ts";
import { isTerminal, validateFile } from "./validate.ts";

/** Set by the build from package.json. */
declare const WEFT_VERSION: string;

const usage = `usage: weft list | version | validate [FILE...]
       weft inventory NETWORK [CONTAINERID [IFNAME]] [--json] [--data-dir DIR]

  list        the commands in this image
  version     the version of the suite
  validate    checks network configurations (.conf, .json, .conflist; stdin without FILE, or as -)
  inventory   what a network, a container or one of its interfaces has on this machine;
              DIR is where a configuration's ipam.dataDir keeps leases

Status: 0 if nothing is wrong but for warnings, 1 if there is an error, 2 for wrong usage.
`;

/** Exit statuses. */
const FINE = 0;
const FAULTY = 1;
const MISUSED = 2;

/** Runs the command line and ends the process. */
export function main(): void {
  const [, command = "", ...files] = host.args();
  host.exit(run(command, files));
}

function run(command: string, files: readonly string[]): number {
  const isHelp = [command, ...files].some((word) => word === "--help" || word === "-h");
  if (isHelp || command === "help") return say(1, usage);
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
      return misused();
  }
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
