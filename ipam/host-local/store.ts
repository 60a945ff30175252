/**
 * The reservations of a network: a directory with one file per address, byte for byte as the
 * reference plugin keeps them, so that either can take over from the other.
 *
 *   <dataDir>/<network>/10.8.0.50            "<containerID> CR LF <ifName>"
 *   <dataDir>/<network>/last_reserved_ip.0   the address last given out of range set 0
 *   <dataDir>/<network>/lock                 flock(2)
 */

import { hash32Hex } from "../../lib/bytes/hash.ts";
import { bootId, bootTime } from "../../lib/host/boot.ts";
import { SystemError } from "../../lib/host/errno.ts";
import {
  closeFile,
  createFile,
  deleteFileIfPresent,
  descriptorStatus,
  fileStatus,
  listDirectory,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  openFile,
  overwriteFile,
  readTextIfPresent,
  smallTextReader,
  warn,
} from "../../lib/host/file.ts";
import { withLock } from "../../lib/host/lock.ts";
import {
  ensureOwnDirectory,
  hasOwnDirectory,
  tryOwnDirectory,
} from "../../lib/host/own-directory.ts";
import { formatAddress, type IpAddress, parseAddress } from "../../lib/ip/address.ts";
import { Index } from "./address-index.ts";

/** Where the index lies: in memory on every usual host, so that a reboot clears it. */
const INDEX_DIRECTORY = "/run/weft/host-local";

/** How long the lock may be held by others, in milliseconds. */
const LOCK_WITHIN = 5_000;

/** The boot the reservations were made in; named so that the reference plugin passes it by. */
const BOOT_FILE = "last_reserved_ip.boot";

/** More bytes than any owner's name takes. */
const LONGEST_RECORD = 4096;

/** The text of a reservation. */
export function ownerText(containerID: string, ifName: string): string {
  return `${containerID.trim()}\r\n${ifName}`;
}

/** Which network's reservations, and what becomes of those of an earlier boot. */
export interface Place {
  readonly dataDir: string;
  readonly network: string;
  readonly reclaimAfterReboot: boolean;
}

/** A reservation as it was found. */
export interface Reservation {
  readonly address: string;
  /** The text of the file, trimmed. */
  readonly owner: string;
}

/** Runs `body` on the reservations with the lock held; the directory is made if it is missing. */
export function withStore<T>(place: Place, body: (store: Store) => T): T {
  ensureOwnDirectory(pathOf(place), 0o755);
  return locked(place, body);
}

function pathOf({ dataDir, network }: Place): string {
  return `${dataDir}/${network}`;
}

function locked<T>(place: Place, body: (store: Store) => T): T {
  const path = pathOf(place);
  return withLock(`${path}/lock`, LOCK_WITHIN, () => {
    const fd = openFile(path, O_RDONLY | O_DIRECTORY);
    try {
      const store = new Store(place, path, fd);
      const value = body(store);
      commitIfPossible(store);
      return value;
    } finally {
      closeFile(fd);
    }
  });
}

/** An index that cannot be written is out of date, and the next run makes a new one. */
function commitIfPossible(store: Store): void {
  try {
    store.commit();
  } catch (cause) {
    if (!(cause instanceof SystemError)) throw cause;
    warn(`host-local: ${cause.message}`);
  }
}

/** The same, but if there is no directory there is nothing to do, and undefined. */
export function withExistingStore<T>(place: Place, body: (store: Store) => T): T | undefined {
  return hasOwnDirectory(pathOf(place)) ? locked(place, body) : undefined;
}

/** The reservations of one network, while the lock is held. */
export class Store {
  readonly #place: Place;
  readonly #path: string;
  readonly #fd: number;
  readonly #boot: string;
  #index: Index;
  #changed = false;
  #isReread = false;

  constructor(place: Place, path: string, fd: number) {
    this.#place = place;
    this.#path = path;
    this.#fd = fd;
    this.#boot = bootId();
    const current = Index.open(this.#indexFile(), descriptorStatus(fd), this.#boot);
    this.#index = current ?? this.#rebuild().index;
  }

  #indexFile(): string {
    const { network } = this.#place;
    return `${INDEX_DIRECTORY}/${network.slice(0, 200)}-${hash32Hex(this.#path)}`;
  }

  /** True if all records have been read in this run. */
  get isReread(): boolean {
    return this.#isReread;
  }

  /**
   * The reservations of an owner. Each is verified in its record: one that was written over, which
   * the directory's time does not show, proves that the index is out of date.
   */
  addressesOf(owner: string): string[] {
    const isOwn = (address: string) => this.ownerOf(address) === owner;
    const addresses = this.#index.addressesOf(owner);
    if (addresses.every(isOwn)) return addresses;
    this.reread();
    return this.#index.addressesOf(owner).filter(isOwn);
  }

  /** Reads all records again, unless this run has done so; true if one of them was reclaimed. */
  reread(): boolean {
    if (this.#isReread) return false;
    this.#index.close();
    const { index, hasReclaimed } = this.#rebuild();
    this.#index = index;
    return hasReclaimed;
  }

  /** The text of an address's reservation, trimmed; undefined if there is none. */
  ownerOf(address: string): string | undefined {
    return readRecord(`${this.#path}/${address}`);
  }

  /** True if an address is reserved, or was since it was last known to be idle. */
  isKnown(address: IpAddress): boolean {
    return this.#index.isKnown(formatAddress(address));
  }

  /** Takes the address that was released longest ago among those that fit, to be reserved. */
  takeReleased(fits: (address: IpAddress) => boolean): IpAddress | undefined {
    return this.#index.takeReleased(fits);
  }

  /** Reserves an address; false if it is reserved already. The file appears with its text in it. */
  reserve(address: IpAddress, owner: string): boolean {
    const text = formatAddress(address);
    const content = { text: owner, mode: 0o600, temporary: "last_reserved_ip.new" };
    if (!createFile(this.#path, text, content)) return false;
    this.#changed = true;
    this.#index.add(text, owner);
    return true;
  }

  /** Deletes a reservation. */
  release(address: string, owner: string): void {
    if (!deleteFileIfPresent(`${this.#path}/${address}`)) return;
    this.#changed = true;
    this.#index.remove(address, owner);
  }

  /** The address last given out of a range set; undefined if none is known. */
  cursor(set: number): IpAddress | undefined {
    const text = readTextIfPresent(`${this.#path}/last_reserved_ip.${set}`, O_NOFOLLOW);
    return text === undefined ? undefined : parseAddress(text);
  }

  /** Notes the address last given out of a range set. */
  setCursor(set: number, address: IpAddress): void {
    overwriteFile(`${this.#path}/last_reserved_ip.${set}`, formatAddress(address), 0o600);
    this.#changed = true;
  }

  /** All reservations. */
  list(): Reservation[] {
    return listReservations(this.#path);
  }

  /** The addresses of all records, whatever is in them. */
  listAddresses(): string[] {
    return recordNames(this.#path);
  }

  /** Makes the index current again, if anything was changed. */
  commit(): void {
    if (this.#changed) this.#index.commit(this.#fd, this.#boot);
    this.#index.close();
  }

  /** Reads every reservation; what no owner can ever release is freed on the way. */
  #rebuild(): { readonly index: Index; readonly hasReclaimed: boolean } {
    tryOwnDirectory(INDEX_DIRECTORY, 0o700);
    const bootedAt = this.#place.reclaimAfterReboot ? this.#endOfEarlierBoot() : 0;
    const found = scanRecords(this.#path);
    const kept = found.filter((record) => {
      const path = `${this.#path}/${record.address}`;
      const reason = staleReason(path, record.owner, bootedAt);
      if (reason !== undefined) reclaim(path, reason);
      return reason === undefined;
    });
    const index = Index.create(this.#indexFile(), kept.length);
    for (const { address, owner } of kept) index.add(address, owner);
    this.#changed = true;
    this.#isReread = true;
    return { index, hasReclaimed: kept.length < found.length };
  }

  /** When this boot began, if the reservations were last used in an earlier one; else 0. */
  #endOfEarlierBoot(): number {
    const path = `${this.#path}/${BOOT_FILE}`;
    const last = readTextIfPresent(path, O_NOFOLLOW);
    if (last === this.#boot) return 0;
    overwriteFile(path, this.#boot, 0o600);
    return last === undefined ? 0 : bootTime();
  }
}

/** Slack for a clock that was set while the host came up, in seconds. */
const CLOCK_SLACK = 5;

/** Why a record cannot belong to anybody; undefined if it may. */
function staleReason(path: string, owner: string, bootedAt: number): string | undefined {
  if (owner === "") return "it is empty";
  if (!/^[\x20-\x7e]+(\r\n[\x20-\x7e\u0080-\uffff]+)?$/.test(owner)) return "it is corrupt";
  if (bootedAt === 0) return undefined;
  const changed = fileStatus(path)?.changedSeconds ?? bootedAt;
  return changed < bootedAt - CLOCK_SLACK ? "it is of an earlier boot" : undefined;
}

function reclaim(path: string, reason: string): void {
  deleteFileIfPresent(path);
  warn(`host-local: reclaimed "${path}": ${reason}`);
}

/** All reservations of a directory that somebody may have; nothing is changed. */
export function listReservations(path: string): Reservation[] {
  if (!hasOwnDirectory(path)) return [];
  return scanRecords(path).filter(({ address, owner }) => {
    return staleReason(`${path}/${address}`, owner, 0) === undefined;
  });
}

/** True if a record names one of these owners. No address begins with an l, as all other files do. */
export function isRecorded(path: string, owners: readonly string[]): boolean {
  if (!hasOwnDirectory(path)) return false;
  const read = smallTextReader(LONGEST_RECORD);
  const isOwned = (name: string) => owners.includes(read(`${path}/${name}`)?.trim() ?? "");
  return listDirectory(path).some((name) => !name.startsWith("l") && isOwned(name));
}

function recordNames(path: string): string[] {
  return listDirectory(path).filter((name) => {
    const address = parseAddress(name);
    return address && formatAddress(address) === name;
  });
}

function scanRecords(path: string): Reservation[] {
  const read = smallTextReader(LONGEST_RECORD);
  return recordNames(path).flatMap((name) => {
    const owner = read(`${path}/${name}`)?.trim();
    return owner === undefined ? [] : [{ address: name, owner }];
  });
}

/** The text of a record, trimmed; "" if it is no text; undefined if there is no such file. */
function readRecord(path: string): string | undefined {
  return smallTextReader(LONGEST_RECORD)(path)?.trim();
}
