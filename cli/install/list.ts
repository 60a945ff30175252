/** Putting a list of plugins where runtimes look for networks: it comes last, it goes first. */

import * as host from "host";
import { CniError, Code } from "../../lib/cni/error.ts";
import { isObject } from "../../lib/cni/json.ts";
import { checked, EEXIST } from "../../lib/host/errno.ts";
import { deleteFileIfPresent, readTextIfPresent } from "../../lib/host/file.ts";
import { fileStatus } from "../../lib/host/file-status.ts";
import { parseJson } from "../../lib/host/json.ts";
import { validateNetwork } from "../network.ts";
import { areSame, copyFile } from "./image.ts";
import type { Tell } from "./place.ts";

/** A list, and where it goes. */
export interface ListPlace {
  readonly file: string;
  readonly directory: string;
  readonly name: string;
}

/** Throws CniError if a file is no list of plugins that a runtime would take. */
export function requireList({ file }: ListPlace): void {
  const text = readTextIfPresent(file);
  if (text === undefined) throw unusable(file, "there is no such file");
  const json = parsed(file, text);
  const { findings } = validateNetwork(json, "list", []);
  const fault = findings.find(({ level }) => level === "error");
  if (fault)
    throw unusable(file, fault.path === "" ? fault.state : `${fault.path}: ${fault.state}`);
}

function parsed(file: string, text: string) {
  try {
    const json = parseJson(text);
    if (isObject(json)) return json;
  } catch (cause) {
    throw unusable(file, cause instanceof Error ? cause.message : String(cause));
  }
  throw unusable(file, "it is not a JSON object");
}

function unusable(file: string, state: string): CniError {
  return new CniError(Code.config, `Cannot install "${file}": ${state}`);
}

/** Makes the list, or replaces what has its name, in one step. */
export function placeList({ file, directory, name }: ListPlace, tell: Tell): void {
  const path = `${directory}/${name}`;
  if (areSame(path, file)) return;
  ensureDirectory(directory);
  const fresh = `${path}.weft-install`; // no name that a runtime would read
  host.unlink(fresh);
  copyFile(file, fresh, { mode: 0o644 });
  const isNew = fileStatus(path) === undefined;
  const outcome = host.rename(fresh, path);
  if (outcome < 0) host.unlink(fresh);
  checked(outcome, "rename to", path);
  tell(`${path}: ${isNew ? "installed" : "installed, replaced another list"}`);
}

/** Takes the list away if it is the one that was put there. */
export function removeList({ file, directory, name }: ListPlace, tell: Tell): void {
  const path = `${directory}/${name}`;
  host.unlink(`${path}.weft-install`);
  if (fileStatus(path) === undefined) return;
  const isSame = areSame(path, file);
  if (isSame) deleteFileIfPresent(path);
  tell(`${path}: ${isSame ? "removed" : `left alone, it is another than ${file}`}`);
}

function ensureDirectory(directory: string): void {
  if (fileStatus(directory)?.isDirectory) return;
  const above = directory.slice(0, directory.lastIndexOf("/"));
  if (above !== "") ensureDirectory(above);
  const outcome = host.mkdir(directory, 0o755);
  if (outcome !== -EEXIST) checked(outcome, "create directory", directory);
}
