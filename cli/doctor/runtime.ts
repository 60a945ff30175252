/** What container runtimes have in common, as far as their configurations tell which plugins they run. */

import { CniError } from "../../lib/cni/error.ts";
import { listDirectory } from "../../lib/host/directory.ts";
import { readTextIfPresent } from "../../lib/host/file.ts";
import { fileStatus } from "../../lib/host/file-status.ts";
import { parseToml, TomlError, type TomlTable, type TomlValue } from "./toml.ts";

/** A program that runs lists on this host. */
export interface Runtime {
  readonly name: string;
  /** Where it looks for plugins, in this order. */
  readonly pluginDirs: readonly string[];
  readonly networkDir: string;
  /** The only network it attaches to by default; undefined if it is the first file's. */
  readonly network: string | undefined;
  /** False if it takes one network, and leaves the others of the directory alone. */
  readonly takesAll: boolean;
  /** Its executable, if it is known. */
  readonly program: string | undefined;
  /** The files that configure it; none if it runs as it was built. */
  readonly files: readonly string[];
}

/** A configuration that cannot be read. */
export interface RuntimeFault {
  readonly name: string;
  readonly state: string;
}

export const USUAL_PLUGINS = "/opt/cni/bin";
export const USUAL_NETWORKS = "/etc/cni/net.d";

/** Where packages and administrators put programs. */
const PROGRAMS = ["/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin"];

/** The executable of a runtime; undefined if it is not installed where programs are. */
export function installed(name: string): string | undefined {
  return PROGRAMS.map((folder) => `${folder}/${name}`).find((path) => fileStatus(path)?.isFile);
}

/** A configuration file as a table; undefined if there is none. Throws CniError with its path. */
export function readTable(path: string): TomlTable | undefined {
  const text = readTextIfPresent(path);
  try {
    return text === undefined ? undefined : parseToml(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    throw new CniError(7, `Cannot read "${path}": ${cause.message}`);
  }
}

/** The files of a directory that a pattern of names has, in their order; none without a directory. */
export function filesIn(directory: string, pattern: RegExp): readonly string[] {
  if (!fileStatus(directory)?.isDirectory) return [];
  const names = listDirectory(directory).filter((name) => pattern.test(name));
  return names.sort().map((name) => `${directory}/${name}`);
}

/** A path without a slash at its end; undefined if it is no path, or an empty one. */
export function pathIn(value: TomlValue | undefined): string | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  return value.length > 1 ? value.replace(/\/+$/, "") : value;
}

/** The paths of a list. */
export function pathsIn(value: TomlValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.flatMap((each: TomlValue) => pathIn(each) ?? []) : [];
}
