/**
 * weft: the suite's own command line, for people.
 *
 *   weft add|del|check NETWORK NETNS   runs the plugins of a network for a namespace
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
import { isTerminal, validateFile } from "./validate.ts";

/** Set by the build from package.json. */
declare const WEFT_VERSION: string;

const usage = `usage: weft add|del|check NETWORK NETNS [OPTION...]
       weft status|gc NETWORK [OPTION...]
       weft inventory NETWORK [CONTAINERID [IFNAME]] [--json] [--data-dir DIR]
       weft list | version | validate [FILE...]

  add         attaches a network namespace: runs the plugins of NETWORK, and prints the result
  del         detaches it, check asks whether it is as it was attached
  status      asks the plugins whether they could attach
  gc          tells what is left of containers that are gone; detaches it with --yes
  inventory   what a network, a container or one of its interfaces has on this machine;
              DIR is where a configuration's ipam.dataDir keeps leases
  list        the commands in this image
  version     the version of the suite
  validate    checks network configurations (.conf, .json, .conflist; stdin without FILE, or as -)

Options of add, del, check, status and gc:
  --conf FILE             the network in FILE, not one of NETCONFPATH (/etc/cni/net.d)
  --ifname NAME           the interface, not CNI_IFNAME (eth0)
  --container-id ID       the container, not one made of NETNS, which del and check then do without
  --capability NAME=VALUE as in portMappings=8080:80/tcp; in JSON where it is no text; again for more
  --timeout SECONDS       how long each plugin may take (240)
  --json                  errors, and what gc tells, in JSON on stdout
Plugins are looked for in CNI_PATH (/opt/cni/bin); CNI_ARGS and CAP_ARGS are as cnitool has them.

Status: 0 if nothing is wrong but for warnings, 1 if there is an error, 2 for wrong usage.
`;

const toolUsage = `usage: cnitool add|check|del|gc|status NETWORK NETNS

The network is looked for in NETCONFPATH (/etc/cni/net.d), plugins in CNI_PATH (/opt/cni/bin).
CNI_IFNAME, CNI_ARGS and CAP_ARGS say more; "weft help" tells what else there is.
`;

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

function runList(command: string, called: Called): number {
  const module = lazily<typeof import("./list-commands.lazy.ts")>("list-commands");
  const isFine = module.listCommand(command, called);
  if (isFine === undefined) return MISUSED;
  return isFine ? FINE : FAULTY;
}

function run(command: string, files: readonly string[]): number {
  const isHelp = [command, ...files].some((word) => word === "--help" || word === "-h");
  if (isHelp || command === "help") return say(1, usage);
  if (listCommands.includes(command)) {
    const outcome = runList(command, { words: files, isTool: false });
    return outcome === MISUSED ? misused() : outcome;
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
