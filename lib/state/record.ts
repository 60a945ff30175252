/** Records that other programs leave for this host, as JSON in files. */

import { hash32Hex } from "../bytes/hash.ts";
import { Failure } from "../host/failure.ts";
import { readTextIfPresent } from "../host/file.ts";
import { fileStatus } from "../host/file-status.ts";
import { parseJson } from "../host/json.ts";
import { LockTimeout, withLock } from "../host/lock.ts";
import { ensureOwnDirectory } from "../host/own-directory.ts";

/** The JSON in a file; undefined if there is no file, Failure if it holds something else. */
export function readJson(path: string): unknown {
  const text = readTextIfPresent(path);
  if (text === undefined) return undefined;
  try {
    return parseJson(text);
  } catch (cause) {
    const state = cause instanceof Error ? cause.message : String(cause);
    throw new Failure("conflict", `Cannot read "${path}": ${state}`);
  }
}

/** Sixteen digits that change if a text changes or one of the files is replaced or written to. */
export function stampOf(text: string, files: readonly string[]): string {
  const states = files.map((file) => {
    const status = fileStatus(file);
    return status
      ? `${status.inode} ${status.size} ${status.changedSeconds} ${status.changedNanoseconds}`
      : "none";
  });
  const all = [text, ...states].join("\n");
  return hash32Hex(all) + hash32Hex(all, 1);
}

/** How long another process may take to make what is shared. */
const LOCK_WITHIN = 30_000;

/** Runs `body` while no other process does so under the same path, which names a file. */
export function oneAtATime<T>(path: string, body: () => T): T {
  ensureOwnDirectory(path.slice(0, path.lastIndexOf("/")), 0o755);
  return withLock(path, LOCK_WITHIN, body);
}

/** How long a predecessor may take to end. */
const PREDECESSOR_WITHIN = 1_000;

/** Runs `body` for as long as the process lives; throws Failure if another process does so. */
export function onlyProcess(path: string, what: string, body: () => never): never {
  ensureOwnDirectory(path.slice(0, path.lastIndexOf("/")), 0o755);
  try {
    return withLock(path, PREDECESSOR_WITHIN, body);
  } catch (cause) {
    if (!(cause instanceof LockTimeout)) throw cause;
    throw new Failure("conflict", `Cannot start ${what}: ${cause.holder} is running already`);
  }
}
