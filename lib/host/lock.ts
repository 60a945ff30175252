/** An exclusive flock(2) with a deadline, whose loser can say who won. */

import * as host from "host";
import { checked, EAGAIN, EINTR, ENOENT } from "./errno.ts";
import { Failure } from "./failure.ts";
import { closeFile, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, openFile } from "./file.ts";
import { type FileStatus, fileStatus } from "./file-status.ts";
import { findProcess, textIfReadable } from "./processes.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;

/** A lock that was not free within its deadline; `holder` names the process, if it can be known. */
export class LockTimeout extends Failure {
  readonly path: string;
  readonly holder: string;

  constructor(path: string, milliseconds: number) {
    const holder = holderOf(path);
    const seconds = milliseconds / 1000;
    super("busy", `Cannot lock "${path}": held by ${holder} for more than ${seconds} s`);
    this.name = "LockTimeout";
    this.path = path;
    this.holder = holder;
  }
}

/** Takes the lock, runs `body`, and releases it; throws LockTimeout after `milliseconds`. */
export function withLock<T>(path: string, milliseconds: number, body: () => T): T {
  const fd = openFile(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o750);
  try {
    takeLock(fd, path, milliseconds);
    return body();
  } finally {
    closeFile(fd);
  }
}

/**
 * Takes a lock again whose file was deleted, and keeps it for as long as this process lives. Nothing is
 * done where its directory is not there: who makes that comes back.
 */
export function lockAgain(path: string): void {
  if (fileStatus(path)) return;
  const fd = host.open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o750);
  if (fd === -ENOENT) return;
  if (host.flock(checked(fd, "open", path), LOCK_EX | LOCK_NB) !== 0) closeFile(fd);
}

/** flock(2) has no deadline of its own; retries start at 0.2 ms and grow to 20 ms. */
function takeLock(fd: number, path: string, milliseconds: number): void {
  let deadline: number | undefined;
  for (let pause = 0.2; ; pause = Math.min(pause * 1.5, 20)) {
    const outcome = host.flock(fd, LOCK_EX | LOCK_NB);
    if (outcome === 0) return;
    if (outcome !== -EAGAIN && outcome !== -EINTR) checked(outcome, "lock", path);
    deadline ??= host.monotonic() + milliseconds;
    if (host.monotonic() >= deadline) throw new LockTimeout(path, milliseconds);
    host.poll(new Int32Array(0), Math.ceil(pause));
  }
}

/**
 * The process that has the lock: its fdinfo shows a line `lock: 1: FLOCK ADVISORY WRITE …`
 * (proc(5)). /proc/locks would name the process that asked for it, which may have gone since.
 */
function holderOf(path: string): string {
  const lock = fileStatus(path);
  if (!lock) return "another process";
  const holder = findProcess((pid, fd) => isLockedBy(pid, fd, lock));
  return holder ? `process ${holder.pid} (${holder.name})` : "another process";
}

function isLockedBy(pid: string, fd: string, lock: FileStatus): boolean {
  const fields = new Float64Array(6);
  if (host.stat(`/proc/${pid}/fd/${fd}`, fields) < 0) return false;
  if (fields[0] !== lock.device || fields[1] !== lock.inode) return false;
  return /^lock:.*FLOCK/m.test(textIfReadable(`/proc/${pid}/fdinfo/${fd}`));
}
