/** Files: opened, read whole, written whole, made and removed. */

import * as host from "host";
import {
  checked,
  EEXIST,
  EFBIG,
  EINTR,
  EISDIR,
  ELOOP,
  ENOENT,
  ENXIO,
  EOPNOTSUPP,
  SystemError,
} from "./errno.ts";

/** Flags of open(2), asm-generic/fcntl.h. */
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = 0o200000;
export const O_NOFOLLOW = 0o400000;
export const O_PATH = 0o10000000;
export const O_TMPFILE = 0o20200000;

/** Opens a file and returns its descriptor; throws SystemError. */
export function openFile(path: string, flags: number, mode = 0): number {
  return checked(host.open(path, flags, mode), "open", path);
}

/** Closes a descriptor; a failing close(2) has nothing a caller could do. */
export function closeFile(fd: number): void {
  host.close(fd);
}

/** More than this is read from no file: a node's memory is not for whoever sends the most. */
export const LARGEST_FILE = 2 << 20;

/** Reads from a descriptor to the end of the file; throws SystemError, EFBIG if it has `most` bytes. */
export function readToEnd(fd: number, what: string, most = LARGEST_FILE): Uint8Array {
  let bytes = new Uint8Array(4096);
  let length = 0;
  for (;;) {
    if (length === most) throw new SystemError(`read ${what}`, EFBIG);
    if (length === bytes.length) bytes = grown(bytes, most);
    const n = host.read(fd, bytes.subarray(length));
    if (n === -EINTR) continue;
    if (checked(n, `read ${what}`) === 0) return bytes.subarray(0, length);
    length += n;
  }
}

/** A copy with room for more, up to what is read at most. */
export function grown(bytes: Uint8Array, most = LARGEST_FILE): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(bytes.length * 4, most));
  larger.set(bytes);
  return larger;
}

/** Writes all bytes to a descriptor; throws SystemError. */
export function writeAll(fd: number, bytes: Uint8Array, what: string): void {
  let rest = bytes;
  while (rest.length > 0) {
    const n = host.write(fd, rest);
    if (n === -EINTR) continue;
    rest = rest.subarray(checked(n, `write ${what}`));
  }
}

/**
 * The text of a file, or undefined if there is none; bytes that are not UTF-8 read as "", as does
 * a pipe, which is not waited for. With O_NOFOLLOW a link is refused: what we keep ourselves is none.
 */
export function readTextIfPresent(path: string, flags = 0): string | undefined {
  const fd = host.open(path, O_RDONLY | O_NONBLOCK | flags, 0);
  if (fd === -ENOENT) return undefined;
  checked(fd, "open", path);
  try {
    return host.decode(readToEnd(fd, `"${path}"`)) ?? "";
  } finally {
    closeFile(fd);
  }
}

/** Makes or replaces a file, so that readers see the old text or all of the new, never less. */
export function replaceFile(path: string, text: string, mode: number): void {
  const temporary = `${path}.${host.getpid()}.tmp`;
  host.unlink(temporary);
  const fd = openFile(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  try {
    writeAll(fd, host.encode(text), `"${temporary}"`);
    checked(host.rename(temporary, path), `rename "${temporary}" to "${path}"`);
  } catch (cause) {
    host.unlink(temporary);
    throw cause;
  } finally {
    closeFile(fd);
  }
}

/** Removes a file if there is one; true if there was. */
export function deleteFileIfPresent(path: string): boolean {
  const outcome = host.unlink(path);
  if (outcome === -ENOENT) return false;
  checked(outcome, "delete", path);
  return true;
}

/**
 * Writes a file over in place, following no link: for what may be lost but not be elsewhere. It is
 * cut to its length afterwards: a file that was empty in between, ext4 writes to the disk at once.
 */
export function overwriteFile(path: string, text: string, mode: number): void {
  const fd = openFile(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode);
  const bytes = host.encode(text);
  try {
    writeAll(fd, bytes, `"${path}"`);
    checked(host.truncate(fd, bytes.length), "truncate", path);
  } finally {
    closeFile(fd);
  }
}

/** What opening or reading says if a path leads to nothing, or to a link, a socket, a directory. */
const notAFile = new Set([ENOENT, ELOOP, ENXIO, EISDIR].map((errno) => -errno));

/**
 * Reads small files, following no link: their text; undefined if there is no such file, "" if it
 * is longer than `limit` bytes or not UTF-8. Throws SystemError if the file is there and cannot be
 * read: nobody may take it for missing. The buffer is made once for all of them.
 */
export function smallTextReader(limit: number): (path: string) => string | undefined {
  const buffer = new Uint8Array(limit + 1);
  return (path) => {
    const fd = host.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (notAFile.has(fd)) return undefined;
    checked(fd, "open", path);
    const length = host.read(fd, buffer);
    closeFile(fd);
    if (notAFile.has(length)) return undefined;
    checked(length, "read", path);
    return length > limit ? "" : (host.decode(buffer.subarray(0, length)) ?? "");
  };
}

/**
 * Makes a file that appears under its name only with its text in it; false if the name is taken.
 * It is made without a name first; where the file system cannot do that, as `temporary`.
 */
export function createFile(
  directory: string,
  name: string,
  content: { readonly text: string; readonly mode: number; readonly temporary: string },
): boolean {
  const { text, mode } = content;
  const path = `${directory}/${name}`;
  const unnamed = host.open(directory, O_TMPFILE | O_WRONLY, mode);
  if (unnamed === -EOPNOTSUPP || unnamed === -EISDIR) return createByLink(directory, path, content);
  checked(unnamed, "create a file in", directory);
  try {
    writeAll(unnamed, host.encode(text), `"${path}"`);
    return isMade(host.linkDescriptor(unnamed, path), path);
  } finally {
    closeFile(unnamed);
  }
}

function createByLink(
  directory: string,
  path: string,
  content: { readonly text: string; readonly mode: number; readonly temporary: string },
): boolean {
  const temporary = `${directory}/${content.temporary}`;
  host.unlink(temporary);
  const fd = openFile(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, content.mode);
  try {
    writeAll(fd, host.encode(content.text), `"${temporary}"`);
    return isMade(host.link(temporary, path), path);
  } finally {
    closeFile(fd);
    host.unlink(temporary);
  }
}

function isMade(outcome: number, path: string): boolean {
  if (outcome === -EEXIST) return false;
  checked(outcome, "create", path);
  return true;
}

/** The text of a file the kernel makes as it is read, which one read gives whole (proc(5)). */
export function readKernelText(fd: number, what: string): string {
  const buffer = new Uint8Array(256);
  const length = checked(host.read(fd, buffer), `read ${what}`);
  return host.decode(buffer.subarray(0, length)) ?? "";
}
