/** Running iptables: one program reads a table, another changes it, each as a whole. */

import * as host from "host";
import { Failure } from "../../host/failure.ts";
import { fileStatus, isExecutable, isSameFile } from "../../host/file-status.ts";
import { withLock } from "../../host/lock.ts";
import { ensureOwnDirectory } from "../../host/own-directory.ts";
import { runProgram } from "../../host/process.ts";
import type { Family } from "../../ip/address.ts";
import type { Netns } from "../../net/netns.ts";

/** How long a run may wait for the lock of all tables, and work, in milliseconds. */
const DEADLINE = 60_000;

/** Where programs are, should the runtime not say. */
const USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * "nft" is the front end of nf_tables, "legacy" the packet filter older than those; "default" what
 * the host has chosen.
 */
export type Flavour = "default" | "legacy" | "nft";

/** A run of iptables that failed: what it said is its message. */
export class IptablesError extends Failure {
  constructor(program: string, state: string) {
    super("program", `Cannot run "${program}": ${state}`);
    this.name = "IptablesError";
  }
}

/** One of the tables that iptables has. */
export type TableName = "nat" | "filter";

/** A table of a family, as the programs show and change it. */
export interface Table {
  readonly family: Family;
  /** `nat table of IPv4` */
  readonly inWords: string;
  /** Its rules and chains as iptables-save writes them, one line each. */
  list(): readonly string[];
  /** Carries out lines as iptables-restore reads them: all or, with an error, none. */
  change(lines: readonly string[]): void;
}

/** The nat table of the process's own namespace; undefined if the programs are not installed. */
export function findNatTable(ns: Netns, family: Family, flavour: Flavour): Table | undefined {
  return findTable(ns, "nat", { family, flavour });
}

/** A table of the process's own namespace; undefined if the programs are not installed. */
export function findTable(
  ns: Netns,
  table: TableName,
  { family, flavour }: { readonly family: Family; readonly flavour: Flavour },
): Table | undefined {
  const name = family === 4 ? "iptables" : "ip6tables";
  const names = flavour === "default" ? [name] : [`${name}-${flavour}`, name];
  const found = names.find((candidate) => pathOf(`${candidate}-restore`) !== undefined);
  if (found === undefined) return undefined;
  if (ns.fd >= 0) throw new IptablesError(found, `not in another namespace ("${ns.path}")`);
  return {
    family,
    inWords: `${table} table of IPv${family}`,
    list: () => run(`${found}-save`, ["-t", table], "").split("\n"),
    change: (lines) => {
      if (lines.length === 0) return;
      const script = `${[`*${table}`, ...lines, "COMMIT"].join("\n")}\n`;
      run(`${found}-restore`, ["--noflush", "--wait"], script);
    },
  };
}

/** As `findTable`, but throws IptablesError if the programs are not installed. */
export function requireTable(
  ns: Netns,
  table: TableName,
  of: { readonly family: Family; readonly flavour: Flavour },
): Table {
  const found = findTable(ns, table, of);
  if (found) return found;
  const program = of.family === 4 ? "iptables-restore" : "ip6tables-restore";
  throw new IptablesError(program, `it ${notFound()}`);
}

/** What the host has chosen for a family; where only one is installed, that is new enough. */
export function chosenFlavour(family: Family): Exclude<Flavour, "default"> {
  const name = family === 4 ? "iptables" : "ip6tables";
  const [chosen, legacy] = [name, `${name}-legacy`].map((program) => {
    const path = pathOf(`${program}-restore`);
    return path === undefined ? undefined : fileStatus(path);
  });
  return chosen && legacy && isSameFile(chosen, legacy) ? "legacy" : "nft";
}

const LOCK_DIRECTORY = "/run/weft";

/** Reading, deciding and changing is one step among all processes of this suite. */
export function lockTables<T>(body: () => T): T {
  ensureOwnDirectory(LOCK_DIRECTORY, 0o755);
  return withLock(`${LOCK_DIRECTORY}/iptables.lock`, DEADLINE, body);
}

function searchPath(): string {
  return host.getenv("PATH") ?? USUAL_PATH;
}

/** That a program was not found, and where it was looked for. */
export function notInstalled(program: string): string {
  return `"${program}" ${notFound()}`;
}

function notFound(): string {
  return `is not installed in any directory of PATH (${searchPath()})`;
}

/** Where a program is installed, on the PATH; undefined if it is not. */
export function pathOf(name: string): string | undefined {
  return searchPath()
    .split(":")
    .map((directory) => `${directory}/${name}`)
    .find((path) => path.startsWith("/") && isProgram(path));
}

/** As execvp(3) looks for programs: a directory that may not be searched has none. */
function isProgram(path: string): boolean {
  return isExecutable(path) && fileStatus(path)?.isFile === true;
}

function run(name: string, args: readonly string[], input: string): string {
  const path = pathOf(name);
  if (path === undefined) throw new IptablesError(name, `it ${notFound()}`);
  const stdin = host.encode(input);
  const program = { path, args, env: host.environment(), stdin, milliseconds: DEADLINE };
  const { status, stdout, stderr } = runProgram(program);
  if (status === 0) return host.decode(stdout) ?? "";
  const words = (host.decode(stderr) ?? "").trim().split("\n").join("; ");
  throw new IptablesError(name, `status ${status}${words === "" ? "" : `: ${words}`}`);
}
