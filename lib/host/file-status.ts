/** What is known of a file besides what is in it: stat(2), access(2), utimensat(2). */

import * as host from "host";
import { checked, EACCES, ENOENT, ENOTDIR } from "./errno.ts";

/** Types of files, linux/stat.h. */
const S_IFMT = 0o170000;
const S_IFCHR = 0o020000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFSOCK = 0o140000;

/** What stat(2) tells of a file; the time is that of its last change (st_mtim). */
export interface FileStatus {
  readonly device: number;
  readonly inode: number;
  /** The bits of chmod(2). */
  readonly permissions: number;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  /** A terminal, /dev/null and the like. */
  readonly isCharacterDevice: boolean;
  readonly isSocket: boolean;
  readonly size: number;
  readonly changedSeconds: number;
  readonly changedNanoseconds: number;
}

/** What stat(2) tells, or undefined if the path leads nowhere. */
export function fileStatus(path: string): FileStatus | undefined {
  const fields = new Float64Array(6);
  const outcome = host.stat(path, fields);
  if (outcome === -ENOENT || outcome === -ENOTDIR) return undefined;
  checked(outcome, "stat", path);
  return statusOf(fields);
}

/** What fstat(2) tells of an open descriptor. */
export function descriptorStatus(fd: number): FileStatus {
  const fields = new Float64Array(6);
  checked(host.fstat(fd, fields), `stat descriptor ${fd}`);
  return statusOf(fields);
}

function statusOf(fields: Float64Array): FileStatus {
  const mode = fields[2] ?? 0;
  return {
    device: fields[0] ?? 0,
    inode: fields[1] ?? 0,
    permissions: mode & 0o7777,
    isFile: (mode & S_IFMT) === S_IFREG,
    isDirectory: (mode & S_IFMT) === S_IFDIR,
    isCharacterDevice: (mode & S_IFMT) === S_IFCHR,
    isSocket: (mode & S_IFMT) === S_IFSOCK,
    size: fields[3] ?? 0,
    changedSeconds: fields[4] ?? 0,
    changedNanoseconds: fields[5] ?? 0,
  };
}

/** True if both are the same file: device and inode agree. */
export function isSameFile(a: FileStatus, b: FileStatus): boolean {
  return a.device === b.device && a.inode === b.inode;
}

/** True if the process may make files in a directory: access(2), which knows read-only mounts. */
export function isWritable(directory: string): boolean {
  return host.access(directory, 2) === 0;
}

/** True if there is a file that the process may execute, or a directory that it may search. */
export function isExecutable(path: string): boolean {
  const outcome = host.access(path, 1);
  if ([-ENOENT, -ENOTDIR, -EACCES].includes(outcome)) return false;
  checked(outcome, "look for", path);
  return true;
}

/** Sets the time of last change of an open file or directory; a refusal changes nothing. */
export function setChangeTime(fd: number, seconds: number, nanoseconds: number): void {
  host.setChangeTime(fd, seconds, nanoseconds);
}

/** A path as another process may use it: from the root. */
export function absolutePath(path: string): string {
  if (path.startsWith("/")) return path;
  const buffer = new Uint8Array(4096);
  const length = checked(host.readlink("/proc/self/cwd", buffer), "find the working directory");
  return `${host.decode(buffer.subarray(0, length)) ?? ""}/${path}`;
}
