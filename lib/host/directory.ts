/** What is in a directory. */

import * as host from "host";
import { checked } from "./errno.ts";
import { closeFile, O_DIRECTORY, O_RDONLY, openFile } from "./file.ts";

/** The names in a directory, without "." and ".."; throws SystemError. */
export function listDirectory(path: string): string[] {
  const fd = openFile(path, O_RDONLY | O_DIRECTORY);
  const buffer = new Uint8Array(32768);
  const names: string[] = [];
  try {
    for (;;) {
      const n = checked(host.directoryEntries(fd, buffer), "list", path);
      if (n === 0) return names;
      collectNames(buffer.subarray(0, n), names);
    }
  } finally {
    closeFile(fd);
  }
}

/** Removes a directory if there is one and nothing is in it; true if it did. */
export function deleteDirectoryIfEmpty(path: string): boolean {
  return host.rmdir(path) === 0;
}

/** Walks linux_dirent64 records: inode u64, offset u64, length u16, type u8, name. */
function collectNames(records: Uint8Array, into: string[]): void {
  for (let at = 0; at < records.length; ) {
    const length = (records[at + 16] ?? 0) + 256 * (records[at + 17] ?? 0);
    const name = records.subarray(at + 19, at + length);
    const text = host.decode(name.subarray(0, name.indexOf(0)));
    if (text !== undefined && text !== "." && text !== "..") into.push(text);
    at += length;
  }
}
