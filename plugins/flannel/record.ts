/**
 * What the delegate of an attachment was given: DEL gives it the same, whatever became of the
 * daemon's file and of the configuration.
 *
 *   <dataDir>/<network>:<containerID>:<ifName>.json
 *   <dataDir>/<containerID>                           as the reference plugin leaves it
 */

import type { Attachment } from "../../lib/cni/call.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { deleteBackup, listBackups, readBackup, writeBackup } from "../../lib/net/backup.ts";

export interface Record {
  readonly path: string;
  readonly config: JsonObject;
}

/** No part of it can have a colon in it, so no two attachments have one name. */
function nameOf({ network, containerID, ifName }: Attachment): string {
  return `${network}:${containerID}:${ifName}.json`;
}

/** The record of an attachment; one of another network under its container's name is not its. */
export function findRecord(dataDir: string, attachment: Attachment): Record | undefined {
  const names = [nameOf(attachment), attachment.containerID];
  for (const name of names) {
    const path = `${dataDir}/${name}`;
    const config = readBackup(path) as JsonObject | undefined;
    if (config?.name === attachment.network) return { path, config };
  }
  return undefined;
}

/** Keeps what the delegate is given, before it is given. */
export function writeRecord(dataDir: string, attachment: Attachment, config: JsonObject): void {
  writeBackup(dataDir, nameOf(attachment), config);
}

/** Removes a record, and one of this attachment that cannot be read any more. */
export function deleteRecord(
  dataDir: string,
  attachment: Attachment,
  record: Record | undefined,
): void {
  if (record) deleteBackup(record.path);
  deleteBackup(`${dataDir}/${nameOf(attachment)}`);
}

/** Makes the record of an attachment what it was; one that is not ours has not been touched. */
export function restoreRecord(dataDir: string, attachment: Attachment, before: Record): void {
  if (before.path.endsWith(nameOf(attachment))) writeRecord(dataDir, attachment, before.config);
  else deleteRecord(dataDir, attachment, undefined);
}

/** The attachments of a network that have a record of ours. */
export function listRecorded(dataDir: string, network: string): readonly Attachment[] {
  return listBackups(dataDir).flatMap((name) => {
    const [of, containerID, ifName] = name.replace(/\.json$/, "").split(":");
    if (of !== network || containerID === undefined || ifName === undefined) return [];
    return [{ network, containerID, ifName }];
  });
}
