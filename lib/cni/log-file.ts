/**
 * The file of the log: each line is written by one write(2) at its end, so that those of several
 * processes never mix. A file that is full becomes FILE.1; who does that has a lock of it.
 *
 * It is root's, as those who may read it. A path on which others could put a link in our way is
 * refused: they would choose what root writes to.
 */

import * as host from "host";
import { checked, EINTR, ENOENT } from "../host/errno.ts";
import { Failure } from "../host/failure.ts";
import { closeFile, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY, openFile } from "../host/file.ts";
import { descriptorStatus, fileStatus, isSameFile } from "../host/file-status.ts";
import { isOwnUser } from "../host/own-user.ts";
import { warn } from "../host/warn.ts";
import type { LogPlace } from "./node-file.ts";

/** Flags of open(2), asm-generic/fcntl.h. */
const O_NOCTTY = 0o400;
const O_APPEND = 0o2000;
/** Operations of flock(2), linux/fcntl.h. */
const LOCK_EX = 2;
const LOCK_NB = 4;

/** Adds a line; throws Failure if it cannot be written as a whole. */
export function appendLine(place: LogPlace, line: string): void {
  requireSafePath(place.file);
  append(place, host.encode(`${line}\n`), true);
}

function append(place: LogPlace, bytes: Uint8Array, mayRotate: boolean): void {
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  const fd = openFile(place.file, flags, 0o600);
  try {
    requireLogFile(place.file, statusOf(fd));
    const isFull = descriptorStatus(fd).size + bytes.length > place.maxSize;
    if (mayRotate && isFull && rotate(fd, place.file)) append(place, bytes, false);
    else writeOnce(fd, bytes, place.file);
  } finally {
    closeFile(fd);
  }
}

/** A second write would be another line to others: what is left of a full disk is left. */
function writeOnce(fd: number, bytes: Uint8Array, file: string): void {
  let written = host.write(fd, bytes);
  while (written === -EINTR) written = host.write(fd, bytes);
  if (checked(written, "write", file) === bytes.length) return;
  throw refused(file, "a part of the line was written only: the disk is full");
}

/** False if another process is at it, or nothing can be done: the line goes into the file as it is. */
function rotate(fd: number, file: string): boolean {
  if (host.flock(fd, LOCK_EX | LOCK_NB) !== 0) return false;
  const now = fileStatus(file);
  if (!now || !isSameFile(now, descriptorStatus(fd))) return true; // another process has done it
  const outcome = host.rename(file, `${file}.1`);
  if (outcome < 0) warn(`Cannot rename the full log "${file}" to "${file}.1": it grows on`);
  return outcome === 0;
}

/* ---- whose it is ---- */

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_ISVTX = 0o1000;
const BY_EVERYBODY = 0o002;

interface Status {
  readonly mode: number;
  readonly user: number;
  /** How many names the file has. */
  readonly names: number;
}

function statusOf(fd: number): Status {
  const fields = new Float64Array(9);
  checked(host.fstat(fd, fields), `stat descriptor ${fd}`);
  return { mode: fields[2] ?? 0, user: fields[6] ?? -1, names: fields[8] ?? 0 };
}

/**
 * Looks at every part of the path: no links, and nothing of other users. The group of a directory may
 * write to it, as to /var/log in Ubuntu, which is safe for a file that is looked at itself.
 */
function requireSafePath(file: string): void {
  const fields = new Float64Array(9);
  for (let end = file.indexOf("/", 1); end > 0; end = file.indexOf("/", end + 1)) {
    const part = file.slice(0, end);
    const outcome = host.lstat(part, fields);
    if (outcome === -ENOENT) throw refused(file, `there is no directory "${part}"`);
    checked(outcome, "stat", part);
    const [, , mode = 0, , , , user = -1] = fields;
    if ((mode & S_IFMT) !== S_IFDIR) throw refused(file, `"${part}" is no directory`);
    requireOwner(file, part, user);
    if (mode & BY_EVERYBODY && !(mode & S_ISVTX)) {
      throw refused(file, `everybody may write to "${part}"`);
    }
  }
  const outcome = host.lstat(file, fields);
  if (outcome === -ENOENT) return;
  checked(outcome, "stat", file);
  requireLogFile(file, { mode: fields[2] ?? 0, user: fields[6] ?? -1, names: fields[8] ?? 0 });
}

/** A second name would be that of a file which others chose. */
function requireLogFile(file: string, { mode, user, names }: Status): void {
  if ((mode & S_IFMT) !== S_IFREG) throw refused(file, "it is no regular file");
  if (names !== 1) throw refused(file, "it has another name as well");
  requireOwner(file, file, user);
}

function requireOwner(file: string, part: string, user: number): void {
  if (isOwnUser(user)) return;
  throw refused(file, `"${part}" belongs to user ${user}`);
}

function refused(file: string, state: string): Failure {
  return new Failure("system", `Cannot write to "${file}": ${state}`);
}
