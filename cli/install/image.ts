/** Images of weft as files: this one, and others of any version. */

import * as host from "host";
import { checked, EINTR } from "../../lib/host/errno.ts";
import {
  closeFile,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  openFile,
  writeAll,
} from "../../lib/host/file.ts";
import { descriptorStatus, setChangeTime } from "../../lib/host/file-status.ts";

/** The file that this process runs. */
export const RUNNING = "/proc/self/exe";

/** What native/main.c says to who runs it setuid: every image has it, and no other program. */
const MARK = host.encode("weft: this file is setuid or setgid");

const CHUNK = 256 << 10;

/** True if a regular file is an image of weft, whatever its version; links are not followed. */
export function isImage(path: string): boolean {
  const fd = host.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
  if (fd < 0) return false;
  const buffer = new Uint8Array(CHUNK + MARK.length);
  try {
    if (!descriptorStatus(fd).isFile) return false;
    for (let at = 0; ; at += CHUNK) {
      const length = readFully(fd, buffer, { at, path });
      if (hasMark(buffer.subarray(0, length))) return true;
      if (length < buffer.length) return false;
    }
  } finally {
    closeFile(fd);
  }
}

function hasMark(bytes: Uint8Array): boolean {
  const [first = 0] = MARK;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (MARK.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
}

/** Fills a buffer from a place of a file; fewer bytes are all there are from there. */
function readFully(
  fd: number,
  into: Uint8Array,
  { at, path }: { readonly at: number; readonly path: string },
): number {
  let length = 0;
  while (length < into.length) {
    const n = host.readAt(fd, into.subarray(length), at + length);
    if (n === -EINTR) continue;
    if (checked(n, "read", path) === 0) break;
    length += n;
  }
  return length;
}

/** True if both are files with the same bytes; a path that cannot be read is not the same. */
export function areSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => host.open(path, O_RDONLY | O_NONBLOCK, 0));
  try {
    if (a === undefined || b === undefined || a < 0 || b < 0) return false;
    const [first, second] = [descriptorStatus(a), descriptorStatus(b)];
    if (!first.isFile || !second.isFile || first.size !== second.size) return false;
    return haveSameBytes([a, one], [b, other]);
  } finally {
    for (const fd of [a, b]) if (fd !== undefined && fd >= 0) closeFile(fd);
  }
}

type Opened = readonly [fd: number, path: string];

function haveSameBytes([a, one]: Opened, [b, other]: Opened): boolean {
  const [left, right] = [new Uint8Array(CHUNK), new Uint8Array(CHUNK)];
  // Four bytes at a time; behind the end both have what they had before.
  const [first, second] = [new Uint32Array(left.buffer), new Uint32Array(right.buffer)];
  for (let at = 0; ; at += CHUNK) {
    const length = readFully(a, left, { at, path: one });
    if (readFully(b, right, { at, path: other }) !== length) return false;
    for (let i = 0; 4 * i < length; i++) if (first[i] !== second[i]) return false;
    if (length < CHUNK) return true;
  }
}

/** What a new file is to be. */
export interface Copied {
  readonly mode: number;
  /** A file whose time of change it gets. */
  readonly timeOf?: string;
}

/** Makes a file with the bytes of another, which are on the disk when it returns; or makes none. */
export function copyFile(from: string, to: string, { mode, timeOf }: Copied): void {
  const source = openFile(from, O_RDONLY);
  const fd = checkedOpen(source, to, mode);
  try {
    const buffer = new Uint8Array(CHUNK);
    for (let at = 0, length = CHUNK; length === CHUNK; at += CHUNK) {
      length = readFully(source, buffer, { at, path: from });
      writeAll(fd, buffer.subarray(0, length), `"${to}"`);
    }
    if (timeOf !== undefined) takeTime(fd, timeOf);
    checked(host.fsync(fd), "write to the disk", to);
  } catch (cause) {
    host.unlink(to);
    throw cause;
  } finally {
    closeFile(fd);
    closeFile(source);
  }
}

function checkedOpen(source: number, path: string, mode: number): number {
  const fd = host.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  if (fd < 0) closeFile(source);
  return checked(fd, "create", path);
}

function takeTime(fd: number, path: string): void {
  const other = openFile(path, O_RDONLY);
  const { changedSeconds, changedNanoseconds } = descriptorStatus(other);
  closeFile(other);
  setChangeTime(fd, changedSeconds, changedNanoseconds);
}
