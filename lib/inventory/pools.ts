/**
 * The addresses that networks give on this host, as they lie in files: what is reserved, what was
 * given out last, and giving back what nobody has.
 *
 *   <dataDir>/<network>/10.8.0.50            a reservation (lib/state/leases.ts)
 *   <dataDir>/<network>/last_reserved_ip.0   the address last given out of range set 0
 *   <dataDir>/<network>/lock                 flock(2), as host-local takes it
 */

import { listDirectory } from "../host/directory.ts";
import { deleteFileIfPresent, smallTextReader } from "../host/file.ts";
import { fileStatus } from "../host/file-status.ts";
import { withLock } from "../host/lock.ts";
import { hasOwnDirectory } from "../host/own-directory.ts";
import { compareAddresses, formatAddress, parseAddress } from "../ip/address.ts";
import { type DhcpLease, listDhcpLeases } from "../state/dhcp-leases.ts";
import { scanRecords, staleReason } from "../state/leases.ts";

/** A reserved address. */
export interface Reserved {
  readonly address: string;
  readonly path: string;
  /** "" if the record is damaged. */
  readonly containerID: string;
  /** Undefined where the record does not say. */
  readonly ifName: string | undefined;
  /** When it was reserved, in seconds of the wall clock. */
  readonly since: number;
  /** Why nobody can have it; undefined if somebody may. */
  readonly fault: string | undefined;
}

/** As long as host-local waits for it. */
const LOCK_WITHIN = 5_000;
/** More bytes than an address takes. */
const LONGEST_ADDRESS = 128;

/** The networks that have reservations below a directory; none if there is no such directory. */
export function networksBelow(dataDir: string): readonly string[] {
  if (!hasOwnDirectory(dataDir)) return [];
  return listDirectory(dataDir).filter((name) => fileStatus(`${dataDir}/${name}`)?.isDirectory);
}

/** The addresses that a network has reserved, in their order, also by records that are damaged. */
export function reservedIn(path: string): readonly Reserved[] {
  if (!hasOwnDirectory(path)) return [];
  const records = scanRecords(path).map(({ address, owner }) => reserved(path, address, owner));
  return records.sort((a, b) => byAddress(a.address, b.address));
}

function reserved(directory: string, address: string, owner: string): Reserved {
  const path = `${directory}/${address}`;
  const fault = staleReason(path, owner, 0);
  const [containerID = "", ifName] = fault === undefined ? owner.split("\r\n") : [];
  const since = fileStatus(path)?.changedSeconds ?? 0;
  return { address, path, containerID, ifName, since, fault };
}

function byAddress(a: string, b: string): number {
  const [first, second] = [parseAddress(a), parseAddress(b)];
  if (!first || !second) return 0;
  return first.length - second.length || compareAddresses(first, second);
}

/** The address that a network last gave out of each range set, by the set's number. */
export function lastReservedIn(path: string): ReadonlyMap<number, string> {
  if (!hasOwnDirectory(path)) return new Map();
  const read = smallTextReader(LONGEST_ADDRESS);
  const found = listDirectory(path).flatMap((name) => {
    const [, id] = /^last_reserved_ip\.(\d{1,9})$/.exec(name) ?? [];
    const address = id && parseAddress((read(`${path}/${name}`) ?? "").trim());
    return address ? [[Number(id), formatAddress(address)] as const] : [];
  });
  return new Map(found);
}

/** The leases that the daemon of dhcp keeps; throws Failure if others may write there. */
export function leasesOfDhcp(directory: string): readonly DhcpLease[] {
  return listDhcpLeases(directory);
}

/** Runs `body` while host-local neither gives nor takes an address of a network. */
export function whileNobodyReserves<T>(path: string, body: () => T): T {
  return withLock(`${path}/lock`, LOCK_WITHIN, body);
}

/**
 * Gives reserved addresses back, with the lock held. host-local's index is out of date then, which
 * the time of the directory shows: the next run reads the records.
 */
export function giveBack(records: readonly Reserved[]): void {
  for (const { path } of records) deleteFileIfPresent(path);
}
