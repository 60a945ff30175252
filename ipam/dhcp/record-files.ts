/** Where the leases' records are, by what the plugin knows as well as the daemon. */

import { hash32Hex } from "../../lib/bytes/hash.ts";
import type { Attachment } from "../../lib/cni/call.ts";
import { deleteBackup, readBackup } from "../../lib/state/backup.ts";

/** The directory of the leases' records, which lies beside the socket. */
export function recordsOf(socketPath: string): string {
  return `${socketPath.replace(/\.sock$/, "")}.leases`;
}

/** Removes an attachment's record; true if there was one. */
export function deleteRecord(directory: string, attachment: Attachment): boolean {
  const path = `${directory}/${recordName(attachment)}`;
  const isThere = readBackup(path) !== undefined;
  deleteBackup(path);
  return isThere;
}

/** The name of an attachment's record. */
export function recordName({ network, containerID, ifName }: Attachment): string {
  const key = `${network}/${containerID}/${ifName}`;
  return `${hash32Hex(key)}${hash32Hex(key, 1)}.json`;
}
