/** Former values, kept in a file for each attachment until it goes. */

import { listDirectory } from "../host/directory.ts";
import {
  createFile,
  deleteFileIfPresent,
  O_NOFOLLOW,
  readTextIfPresent,
  replaceFile,
} from "../host/file.ts";
import { ensureOwnDirectory, hasOwnDirectory } from "../host/own-directory.ts";

/** A backup as it stands in its file: JSON, whose keys the plugin chooses. */
export type Backup = { readonly [key: string]: unknown };

/** The backup in a file; undefined if there is none, or it cannot be understood. */
export function readBackup(path: string): Backup | undefined {
  if (!hasOwnDirectory(path.slice(0, path.lastIndexOf("/")))) return undefined;
  const text = readTextIfPresent(path, O_NOFOLLOW);
  if (text === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}

/** Writes a backup, whole or not at all, for root alone. */
export function writeBackup(directory: string, name: string, backup: Backup): void {
  ensureOwnDirectory(directory, 0o700);
  const content = { text: JSON.stringify(backup, null, 1), mode: 0o600, temporary: `${name}.tmp` };
  if (createFile(directory, name, content)) return;
  replaceFile(`${directory}/${name}`, content.text, content.mode);
}

/** Removes a backup if there is one. */
export function deleteBackup(path: string): void {
  if (hasOwnDirectory(path.slice(0, path.lastIndexOf("/")))) deleteFileIfPresent(path);
}

/** The names of the backups in a directory; none if there is no such directory. */
export function listBackups(directory: string): readonly string[] {
  return listNames(directory).filter((name) => name.endsWith(".json"));
}

/** All names in a directory; none if there is no such directory. */
export function listNames(directory: string): readonly string[] {
  return hasOwnDirectory(directory) ? listDirectory(directory) : [];
}

/** The lines of a file that are not empty, trimmed; undefined if there is no file. */
export function readLines(path: string): readonly string[] | undefined {
  const text = readTextIfPresent(path);
  return text
    ?.split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
