/**
 * The reservations of a network: a directory with one file per address, byte for byte as the
 * reference plugin keeps them, so that either can take over from the other.
 *
 *   <dataDir>/<network>/10.8.0.50            a record (lib/state/leases.ts)
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
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  openFile,
  overwriteFile,
  readTextIfPresent,
} from "../../lib/host/file.ts";
import { descriptorStatus } from "../../lib/host/file-status.ts";
import { withLock } from "../../lib/host/lock.ts";
import {
  ensureOwnDirectory,
  hasOwnDirectory,
  tryOwnDirectory,
} from "../../lib/host/own-directory.ts";
import { readRecords } from "../../lib/host/records.ts";
import { warn } from "../../lib/host/warn.ts";
import { formatAddress, type IpAddress, parseAddress } from "../../lib/ip/address.ts";
import {
  leaseText,
  readOwner,
  recordNames,
  scanRecords,
  staleReason,
} from "../../lib/state/leases.ts";
import { Index, LEAST_CAPACITY } from "./address-index.ts";
import { DEFAULT_DATA_DIR } from "./config.ts";

/** Where the index lies: in memory on every usual host, so that a reboot clears it. */
const INDEX_DIRECTORY = "/run/weft/host-local";

/** How long the lock may be held by others, in milliseconds. */
const LOCK_WITHIN = 5_000;

/** The boot the reservations were made in; named so that the reference plugin passes it by. */
const BOOT_FILE = "last_reserved_ip.boot";

/** Which network's reservations, and what becomes of those of an earlier boot. */
export interface Place {
  readonly dataDir: string;
  readonly network: string;
  readonly reclaimAfterReboot: boolean;
}

interface Call {
  readonly network: string;
  readonly config: Omit<Place, "network">;
}

/** What a call says of it. */
export function placeOf({ network, config }: Call): Place {
  const { dataDir, reclaimAfterReboot } = config;
  return { dataDir, reclaimAfterReboot, network };
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

/** The addresses of an attachment; very old reservations have the container's ID alone. */
export function reservationsOf(store: Store, { containerID, ifName }: Holder): string[] {
  const held = store.addressesOf(leaseText(containerID, ifName));
  return held.length > 0 ? held : store.addressesOf(containerID.trim());
}

interface Holder {
  readonly containerID: string;
  readonly ifName: string;
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

  /** Named after the network; in the usual data directory by nothing else, so long as names are short. */
  #indexFile(): string {
    const { network, dataDir } = this.#place;
    const isPlain = dataDir === DEFAULT_DATA_DIR && network.length <= 200;
    const name = isPlain ? network : `${network.slice(0, 200)}-${hash32Hex(this.#path)}`;
    return `${INDEX_DIRECTORY}/${name}`;
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
    return readOwner(`${this.#path}/${address}`);
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
    const records = readRecords(this.#path, bootedAt, LEAST_CAPACITY);
    const index = Index.of(this.#indexFile(), records);
    const found = scanRecords(this.#path, records.others);
    const kept = found.filter((record) => {
      const path = `${this.#path}/${record.address}`;
      const reason = staleReason(path, record.owner, bootedAt);
      if (reason !== undefined) reclaim(path, reason);
      return reason === undefined;
    });
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

function reclaim(path: string, reason: string): void {
  deleteFileIfPresent(path);
  warn(`host-local: reclaimed "${path}": ${reason}`);
}
