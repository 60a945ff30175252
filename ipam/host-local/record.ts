/**
 * The record of one reservation: a file that bears the address as its name, and whose text is the
 * owner, `<containerID> CR LF <ifName>`; very old ones have the container's ID alone.
 */

import { listDirectory } from "../../lib/host/directory.ts";
import { smallTextReader } from "../../lib/host/file.ts";
import { fileStatus } from "../../lib/host/file-status.ts";
import { hasOwnDirectory } from "../../lib/host/own-directory.ts";
import { formatAddress, parseAddress } from "../../lib/ip/address.ts";

/** A reservation as it was found. */
export interface Reservation {
  readonly address: string;
  /** The text of the file, trimmed. */
  readonly owner: string;
}

/** The text of a record. */
export function ownerText(containerID: string, ifName: string): string {
  return `${containerID.trim()}\r\n${ifName}`;
}

/** More bytes than any owner's name takes. */
const LONGEST_RECORD = 4096;

/** The text of a record, trimmed; "" if it is no text; undefined if there is no such file. */
export function readOwner(path: string): string | undefined {
  return smallTextReader(LONGEST_RECORD)(path)?.trim();
}

/** All reservations of a directory that somebody may have; nothing is changed. */
export function listReservations(directory: string): Reservation[] {
  if (!hasOwnDirectory(directory)) return [];
  return scanRecords(directory).filter(({ address, owner }) => {
    return staleReason(`${directory}/${address}`, owner, 0) === undefined;
  });
}

/** All records of a directory, whatever is in them. */
export function scanRecords(directory: string): Reservation[] {
  const read = smallTextReader(LONGEST_RECORD);
  return recordNames(directory).flatMap((name) => {
    const owner = read(`${directory}/${name}`)?.trim();
    return owner === undefined ? [] : [{ address: name, owner }];
  });
}

/** The addresses that have a record in a directory. */
export function recordNames(directory: string): string[] {
  return listDirectory(directory).filter((name) => {
    const address = parseAddress(name);
    return address && formatAddress(address) === name;
  });
}

/** True if a record names one of these owners. No address begins with an l, as all other files do. */
export function isRecorded(directory: string, owners: readonly string[]): boolean {
  if (!hasOwnDirectory(directory)) return false;
  const read = smallTextReader(LONGEST_RECORD);
  const isOwned = (name: string) => owners.includes(read(`${directory}/${name}`)?.trim() ?? "");
  return listDirectory(directory).some((name) => !name.startsWith("l") && isOwned(name));
}

/** Slack for a clock that was set while the host came up, in seconds. */
const CLOCK_SLACK = 5;

/**
 * Why a record cannot belong to anybody; undefined if it may. `bootedAt` is when this boot began, in
 * seconds, if records of earlier ones are void, else 0.
 */
export function staleReason(path: string, owner: string, bootedAt: number): string | undefined {
  if (owner === "") return "it is empty";
  if (!/^[\x20-\x7e]+(\r\n[\x20-\x7e\u0080-\uffff]+)?$/.test(owner)) return "it is corrupt";
  if (bootedAt === 0) return undefined;
  const changed = fileStatus(path)?.changedSeconds ?? bootedAt;
  return changed < bootedAt - CLOCK_SLACK ? "it is of an earlier boot" : undefined;
}
