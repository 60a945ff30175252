/**
 * What the delegate of an attachment was given: DEL gives it the same, whatever became of the
 * daemon's file and of the configuration.
 *
 *   <dataDir>/<network>:<containerID>:<ifName>.json
 *   <dataDir>/<containerID>                           as flannel's own plugin leaves it
 *
 * ADD leaves the second one as well, so that a DEL by flannel's own plugin finds what is to be
 * undone. It has room for one attachment of a container only: it is the first one's, and says by
 * "ifName" which that is. One without that key is flannel's own and stays as it is.
 */

import type { Attachment } from "../../lib/cni/call.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { deleteBackup, readBackup, writeBackup } from "../../lib/state/backup.ts";
import { delegatedName } from "../../lib/state/recorded.ts";

export interface Record extends Given {
  readonly path: string;
}

/** What a delegate is given, and by which version of the protocol; a record may not say. */
export interface Given {
  readonly config: JsonObject;
  readonly cniVersion?: string | undefined;
}

/** The record of an attachment; one of another under its container's name is not its. */
export function findRecord(dataDir: string, attachment: Attachment): Record | undefined {
  const path = `${dataDir}/${delegatedName(attachment)}`;
  const config = readBackup(path) as JsonObject | undefined;
  if (config?.name === attachment.network) return { path, config };
  const shared = readShared(dataDir, attachment);
  if (!shared || shared.owner === "other") return undefined;
  return { path: pathOfShared(dataDir, attachment), config: shared.config };
}

function pathOfShared(dataDir: string, { containerID }: Attachment): string {
  return `${dataDir}/${containerID}`;
}

/** The record under a container's name, and whose it is: this attachment's, flannel's, another's. */
function readShared(dataDir: string, attachment: Attachment) {
  const found = readBackup(pathOfShared(dataDir, attachment)) as JsonObject | undefined;
  if (!found) return undefined;
  const { ifName, ...config } = found;
  const isOfNetwork = config.name === attachment.network;
  if (!isOfNetwork) return { owner: "other", config } as const;
  if (ifName === undefined) return { owner: "flannel", config } as const;
  return { owner: ifName === attachment.ifName ? "own" : "other", config } as const;
}

/** Keeps what the delegate is given, before it is given. */
export function writeRecord(dataDir: string, attachment: Attachment, { config }: Given): void {
  writeBackup(dataDir, delegatedName(attachment), config);
}

/** Keeps it under the container's name as well, unless somebody else's record is there. */
export function shareRecord(dataDir: string, attachment: Attachment, given: Given): void {
  const { config, cniVersion } = given;
  const shared = readShared(dataDir, attachment);
  if (shared && shared.owner !== "own") return;
  const version = cniVersion === undefined ? {} : { cniVersion };
  const { containerID, ifName } = attachment;
  writeBackup(dataDir, containerID, { ...version, ...config, ifName });
}

/** Removes a record, and one of this attachment that cannot be read any more. */
export function deleteRecord(
  dataDir: string,
  attachment: Attachment,
  record: Record | undefined,
): void {
  if (record) deleteBackup(record.path);
  deleteBackup(`${dataDir}/${delegatedName(attachment)}`);
  if (readShared(dataDir, attachment)?.owner === "own") {
    deleteBackup(pathOfShared(dataDir, attachment));
  }
}

/** Makes the record of an attachment what it was; one that is not ours has not been touched. */
export function restoreRecord(dataDir: string, attachment: Attachment, before: Record): void {
  const own = `${dataDir}/${delegatedName(attachment)}`;
  if (before.path === own) {
    writeRecord(dataDir, attachment, before);
    shareRecord(dataDir, attachment, before);
    return;
  }
  if (readShared(dataDir, attachment)?.owner === "own") shareRecord(dataDir, attachment, before);
  deleteBackup(own);
}
