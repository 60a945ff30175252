/**
 * What is kept of each lease in a file, for a daemon that is started again, and for DEL and GC where
 * there is no daemon. It lies below /run, which is empty after a boot, as no container is there then.
 *
 *   /run/cni/dhcp.leases/3f0c19d2a4b85e61.json    whose it is, the question of its ADD, the namespace's
 *                                                 identity, the link, and the lease
 */

import { isObject, type JsonObject } from "../../lib/cni/json.ts";
import type { Lease } from "../../lib/dhcp/lease.ts";
import { leaseRecord, readLeaseRecord } from "../../lib/dhcp/lease-record.ts";
import { bootId } from "../../lib/host/boot.ts";
import { listBackups, readBackup, writeBackup } from "../../lib/state/backup.ts";
import type { AddQuestion } from "./messages.ts";
import type { Place } from "./place.ts";
import { parseAdd } from "./questions.ts";
import { recordName } from "./record-files.ts";

/** What a record says. */
export interface LeaseRecord {
  readonly question: AddQuestion;
  readonly place: Place;
  /** The address and prefix length that ADD reported. */
  readonly reported: string;
  /** Undefined while there is none: it ran out, and is asked for again. */
  readonly lease: Lease | undefined;
}

/** Writes a record, whole or not at all. */
export function writeRecord(directory: string, record: LeaseRecord): void {
  const { question, place, reported, lease } = record;
  const { attachment } = question;
  writeBackup(directory, recordName(attachment), {
    ...attachment,
    question,
    place,
    reported,
    lease: lease ? leaseRecord(lease, bootId()) : null,
  });
}

/** All records of a directory; undefined for what is damaged, with its file's name. */
export function listRecords(
  directory: string,
): readonly (readonly [name: string, record: LeaseRecord | undefined])[] {
  return listBackups(directory).map((name) => [name, readRecord(`${directory}/${name}`)] as const);
}

function readRecord(path: string): LeaseRecord | undefined {
  try {
    const { question, place, reported, lease } = (readBackup(path) ?? {}) as JsonObject;
    if (!isObject(question) || !isPlace(place) || typeof reported !== "string") return undefined;
    const found = lease ? readLeaseRecord(lease, bootId()) : undefined;
    return { question: parseAdd(question), place, reported, lease: found };
  } catch {
    return undefined;
  }
}

function isPlace(place: unknown): place is Place {
  if (!isObject(place)) return false;
  const { netns, index, identity } = place;
  return typeof netns === "string" && typeof index === "number" && isObject(identity);
}
