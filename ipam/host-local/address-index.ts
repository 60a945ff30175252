/**
 * The index: who has which address, and which addresses were released in which order, without
 * reading every reservation. It is a cache beside the reservations (which are the truth), a file
 * of fixed-size records of which one run reads and writes a few pages:
 *
 *   header | table of owners and addresses (index-table.ts) | ring of released ones (index-ring.ts)
 *
 * It is trusted only while it is provably current: every change of ours ends by stamping the
 * directory's time of change with random nanoseconds and noting the stamp here. Any other change,
 * or a crash of ours in between, leaves a time that is not the stamp.
 */

import { SystemError } from "../../lib/host/errno.ts";
import { descriptorStatus, type FileStatus, setChangeTime } from "../../lib/host/file-status.ts";
import { PAGE_SIZE, PagedFile } from "../../lib/host/pages.ts";
import { randomBytes } from "../../lib/host/random.ts";
import type { Records } from "../../lib/host/records.ts";
import { formatAddress, type IpAddress, parseAddress } from "../../lib/ip/address.ts";
import { H, Header, PER_PAGE, RECORD } from "./index-pages.ts";
import { type Choice, IndexRing } from "./index-ring.ts";
import { IndexTable } from "./index-table.ts";

const MAGIC = 0x77656631; // "wef1": another layout gets another number

/** The least capacity; others are twice, four times … as large. */
export const LEAST_CAPACITY = 1024;

/** How full a table may become: beyond that, searching takes long. */
const FULLEST = 0.7;

/** The first 32 of the random bits of a boot's name, which is a UUID. */
function numberOf(boot: string): number {
  return Number.parseInt(boot.slice(0, 8), 16) || 0;
}

/** The index of one network's reservations. */
export class Index {
  readonly #pages: PagedFile;
  readonly #header: Header;
  readonly #table: IndexTable;
  readonly #ring: IndexRing;
  #isLost = false;

  private constructor(pages: PagedFile) {
    this.#pages = pages;
    this.#header = new Header(pages);
    this.#table = new IndexTable(pages, this.#header);
    this.#ring = new IndexRing(pages, this.#header);
  }

  /** The index in a file, if it is the directory's as it is now and of this boot. */
  static open(path: string, directory: FileStatus, boot: string): Index | undefined {
    const file = PagedFile.open(path);
    if (!file) return undefined;
    try {
      const index = new Index(file);
      if (index.#isCurrent(directory, boot)) return index;
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
    }
    file.close();
    return undefined;
  }

  /** The index of all records; it becomes a file when it is committed. */
  static of(path: string, { bytes, count }: Records): Index {
    const index = new Index(PagedFile.filled(path, bytes));
    index.#header.set(H.magic, MAGIC);
    index.#header.set(H.capacity, (bytes.length - PAGE_SIZE) / RECORD);
    index.#header.set(H.filled, 2 * count);
    return index;
  }

  #isCurrent(directory: FileStatus, boot: string): boolean {
    const header = this.#header;
    return (
      header.get(H.magic) === MAGIC &&
      header.get(H.inode) === directory.inode % 2 ** 32 &&
      header.get(H.device) === directory.device % 2 ** 32 &&
      header.get(H.seconds) === directory.changedSeconds % 2 ** 32 &&
      header.get(H.nanoseconds) === directory.changedNanoseconds &&
      header.get(H.boot) === numberOf(boot) &&
      header.get(H.capacity) >= LEAST_CAPACITY
    );
  }

  /** The addresses an owner had when the index was last told; the reservations have the last word. */
  addressesOf(owner: string): string[] {
    return this.#table.addressesOf(owner);
  }

  /** True if an address is in use or was since the index was made. */
  isKnown(address: string): boolean {
    return this.#table.isKnown(address);
  }

  /** Notes that an owner has an address. */
  add(address: string, owner: string): void {
    const bytes = parseAddress(address);
    if (bytes) this.#follow(() => this.#table.give(owner, address, bytes));
  }

  /** Notes that an owner has released an address. */
  remove(address: string, owner: string): void {
    const bytes = parseAddress(address);
    if (!bytes) return;
    this.#follow(() => {
      if (this.#table.take(owner, address)) this.#ring.push(bytes);
    });
  }

  /** Takes out the address that was released longest ago among those that fit. */
  takeReleased(fits: (address: IpAddress) => boolean): IpAddress | undefined {
    return this.#ring.take((address): Choice => {
      if (!this.#table.isReleased(formatAddress(address))) return "drop";
      return fits(address) ? "take" : "leave";
    });
  }

  /** Follows the reservations, which count; if that fails, all it costs is the index. */
  #follow(body: () => void): void {
    try {
      body();
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      this.#isLost = true;
    }
  }

  /** Writes the index and stamps the directory; whatever fails only makes the index worthless. */
  commit(directoryFd: number, boot: string): void {
    const header = this.#header;
    this.#follow(() => this.#stamp(descriptorStatus(directoryFd), boot));
    const capacity = header.get(H.capacity);
    const isCrowded = header.get(H.filled) > FULLEST * capacity;
    if (this.#isLost || isCrowded) this.#pages.discard();
    else if (this.#pages.save(1 + (2 * capacity) / PER_PAGE)) {
      setChangeTime(directoryFd, header.get(H.seconds), header.get(H.nanoseconds));
    }
  }

  #stamp(directory: FileStatus, boot: string): void {
    const header = this.#header;
    const [nanoseconds = 0] = new Uint32Array(randomBytes(4).buffer);
    header.set(H.inode, directory.inode % 2 ** 32);
    header.set(H.device, directory.device % 2 ** 32);
    header.set(H.seconds, directory.changedSeconds % 2 ** 32);
    header.set(H.nanoseconds, nanoseconds % 1_000_000_000);
    header.set(H.boot, numberOf(boot));
  }

  /** Closes the file; what was not committed is lost. */
  close(): void {
    this.#pages.close();
  }
}
