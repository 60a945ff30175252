/** Which process has something open, as proc(5) tells: they come and go while one looks. */

import { listDirectory } from "./directory.ts";
import { SystemError } from "./errno.ts";
import { readTextIfPresent } from "./file.ts";
import { fileStatus } from "./file-status.ts";

/** A process by its number, and its name without what could be mistaken in a message. */
export interface Process {
  readonly pid: string;
  readonly name: string;
}

/**
 * The first process with a descriptor that is meant, of those that may be looked at; undefined if
 * there is none, or none among so many descriptors.
 */
export function findProcess(
  isMeant: (pid: string, fd: string) => boolean,
  most = Number.POSITIVE_INFINITY,
): Process | undefined {
  let left = most;
  for (const pid of namesIn("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    for (const fd of namesIn(`/proc/${pid}/fd`)) {
      if (left-- <= 0) return undefined;
      if (isMeant(pid, fd)) return { pid, name: nameOf(pid) };
    }
  }
  return undefined;
}

/** True for descriptors of the socket with an inode. */
export function isSocketWith(inode: number): (pid: string, fd: string) => boolean {
  return (pid, fd) => {
    const status = unlessRefused(() => fileStatus(`/proc/${pid}/fd/${fd}`), undefined);
    return status?.inode === inode && status.isSocket;
  };
}

/** The text of a file that may be gone, or another's: "" then. */
export function textIfReadable(path: string): string {
  return unlessRefused(() => readTextIfPresent(path), undefined) ?? "";
}

function namesIn(directory: string): readonly string[] {
  return unlessRefused(() => listDirectory(directory), []);
}

function nameOf(pid: string): string {
  const name = textIfReadable(`/proc/${pid}/comm`).trim();
  return name === "" ? "?" : name.replace(/[^ -~]|"/g, "?");
}

function unlessRefused<T>(body: () => T, otherwise: T): T {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof SystemError) return otherwise;
    throw cause;
  }
}
