/**
 * The addresses that host-local has given out, as they lie in files: one per address, byte for byte
 * as the reference plugin keeps them. Nothing here needs the lock, and nothing but `remove` changes
 * anything.
 *
 *   <dataDir>/<network>/10.8.0.50            "<containerID> CR LF <ifName>"
 *   <dataDir>/<network>/10.8.0.51            "<containerID>", as very old versions left it
 *   <dataDir>/<network>/last_reserved_ip.0   no lease: its name is no address
 */

import { listDirectory } from "../host/directory.ts";
import { deleteFileIfPresent, smallTextReader } from "../host/file.ts";
import { fileStatus } from "../host/file-status.ts";
import { hasOwnDirectory } from "../host/own-directory.ts";
import { formatAddress, parseAddress } from "../ip/address.ts";
import type { Marked, Shelf } from "../net/inventory.ts";

/** More bytes than any owner's name takes. */
const LONGEST_RECORD = 4096;

/** Slack for a clock that was set while the host came up, in seconds. */
const CLOCK_SLACK = 5;

/** The text of an attachment's reservations. */
export function leaseText(containerID: string, ifName: string): string {
  return `${containerID.trim()}\r\n${ifName}`;
}

/** A reservation as it was found. */
export interface Reservation {
  readonly address: string;
  /** The text of the file, trimmed. */
  readonly owner: string;
}

/** A reservation with its text as the mark, and its file. */
export interface Lease extends Marked {
  readonly address: string;
  readonly path: string;
  readonly containerID: string;
  /** Undefined where the text does not say. */
  readonly ifName: string | undefined;
}

/** The leases below a directory; one without interface is that of every interface of its container. */
export function leaseShelf(dataDir: string): Shelf<Lease> {
  return {
    kind: "lease",
    list: (network) =>
      listReservations(`${dataDir}/${network}`).map(({ address, owner }) => {
        const [containerID = "", ifName] = owner.split("\r\n");
        return {
          mark: owner,
          address,
          path: `${dataDir}/${network}/${address}`,
          containerID,
          ifName,
        };
      }),
    marksOf: ({ containerID, ifName }) => [leaseText(containerID, ifName), containerID.trim()],
    inWords: ({ path }) => `lease ${path}`,
    remove: (leases) => {
      for (const { path } of leases) deleteFileIfPresent(path);
    },
  };
}

/** All reservations of a directory that somebody may have; nothing is changed. */
export function listReservations(path: string): Reservation[] {
  if (!hasOwnDirectory(path)) return [];
  return scanRecords(path).filter(({ address, owner }) => {
    return staleReason(`${path}/${address}`, owner, 0) === undefined;
  });
}

/** The records of a directory, or among these names of its files, whatever is in them. */
export function scanRecords(
  path: string,
  names: readonly string[] = listDirectory(path),
): Reservation[] {
  const read = smallTextReader(LONGEST_RECORD);
  return names.filter(isRecordName).flatMap((name) => {
    const owner = read(`${path}/${name}`)?.trim();
    return owner === undefined ? [] : [{ address: name, owner }];
  });
}

/** The addresses of all records. */
export function recordNames(path: string): string[] {
  return listDirectory(path).filter(isRecordName);
}

function isRecordName(name: string): boolean {
  const address = parseAddress(name);
  return address !== undefined && formatAddress(address) === name;
}

/** The text of a record, trimmed; "" if it is no text; undefined if there is no such file. */
export function readOwner(path: string): string | undefined {
  return smallTextReader(LONGEST_RECORD)(path)?.trim();
}

/** True if a record names one of these owners. No address begins with an l, as all other files do. */
export function isRecorded(path: string, owners: readonly string[]): boolean {
  if (!hasOwnDirectory(path)) return false;
  const read = smallTextReader(LONGEST_RECORD);
  const isOwned = (name: string) => owners.includes(read(`${path}/${name}`)?.trim() ?? "");
  return listDirectory(path).some((name) => !name.startsWith("l") && isOwned(name));
}

/**
 * Why a record cannot belong to anybody; undefined if it may. `bootedAt` is when this boot began,
 * in seconds, or 0 if what is of an earlier one counts as well.
 */
export function staleReason(path: string, owner: string, bootedAt: number): string | undefined {
  if (owner === "") return "it is empty";
  if (!/^[\x20-\x7e]+(\r\n[\x20-\x7e\u0080-\uffff]+)?$/.test(owner)) return "it is corrupt";
  if (bootedAt === 0) return undefined;
  const changed = fileStatus(path)?.changedSeconds ?? bootedAt;
  return changed < bootedAt - CLOCK_SLACK ? "it is of an earlier boot" : undefined;
}
