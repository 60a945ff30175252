/** The reservations of a network, all read at once: native/records.c. */

import * as host from "host";
import { checked } from "./errno.ts";
import { closeFile, O_DIRECTORY, O_RDONLY, openFile } from "./file.ts";

/** A page of zeros and the table of the records; names of files that are no ordinary ones. */
export interface Records {
  readonly count: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly others: readonly string[];
}

/**
 * Reads what is in a directory; throws SystemError. Records that were last changed before `oldest`, in
 * seconds, are among the others; 0 for none. The table has room for `least` records or more.
 */
export function readRecords(path: string, oldest: number, least: number): Records {
  const fd = openFile(path, O_RDONLY | O_DIRECTORY);
  try {
    const found = host.readRecords(fd, oldest, least);
    if (typeof found !== "number") return { ...found, bytes: new Uint8Array(found.bytes) };
    checked(found, "list", path);
    return { count: 0, bytes: new Uint8Array(0), others: [] };
  } finally {
    closeFile(fd);
  }
}
