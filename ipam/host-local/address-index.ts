/**
 * The index: who has which address, and which addresses were released in which order, without
 * reading every reservation. It is a cache beside the reservations (which are the truth), a file
 * of fixed-size records of which one run reads and writes a few pages:
 *
 *   header page | hash table of owners and addresses | ring of released addresses
 *
 * It is trusted only while it is provably current: every change of ours ends by stamping the
 * directory's time of change with random nanoseconds and noting the stamp here. Any other change,
 * or a crash of ours in between, leaves a time that is not the stamp.
 */

import { hash32, hash64 } from "../../lib/bytes/hash.ts";
import { SystemError } from "../../lib/host/errno.ts";
import { descriptorStatus, type FileStatus, setChangeTime } from "../../lib/host/file.ts";
import { PAGE_SIZE, PagedFile } from "../../lib/host/pages.ts";
import { randomBytes } from "../../lib/host/random.ts";
import { formatAddress, type IpAddress, parseAddress } from "../../lib/ip/address.ts";

const MAGIC = 0x77656631; // "wef1": another layout gets another number
const RECORD = 32;
const PER_PAGE = PAGE_SIZE / RECORD;

/** Kinds of table records; an owner's record holds its address, an address's its state. */
const EMPTY = 0;
const OWNER = 1;
const USED = 2;
const RELEASED = 3;
const DELETED = 4;

/** How far into the ring an address that fits is looked for. */
const RING_LOOK = 512;

/** Fields of the header, as indexes of 32-bit numbers. */
const H = {
  magic: 0,
  capacity: 1,
  filled: 2,
  head: 3,
  tail: 4,
  inode: 5,
  device: 6,
  seconds: 7,
  nanoseconds: 8,
  boot: 9,
};

/** What an owner or an address is looked up by. */
interface Key {
  readonly low: number;
  readonly high: number;
}

/** The index of one network's reservations. */
export class Index {
  readonly #pages: PagedFile;
  readonly #header: Uint32Array;
  #isLost = false;

  private constructor(pages: PagedFile) {
    this.#pages = pages;
    this.#header = new Uint32Array(pages.get(0).buffer);
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

  /** An empty index with room for `count` addresses; it becomes a file when it is committed. */
  static create(path: string, count: number): Index {
    const index = new Index(PagedFile.empty(path));
    let capacity = 1024;
    while (capacity < 4 * count) capacity *= 2;
    index.#set(H.magic, MAGIC);
    index.#set(H.capacity, capacity);
    return index;
  }

  #get(field: number): number {
    return this.#header[field] ?? 0;
  }

  #set(field: number, value: number): void {
    this.#pages.change(0);
    this.#header[field] = value;
  }

  #isCurrent(directory: FileStatus, boot: string): boolean {
    return (
      this.#get(H.magic) === MAGIC &&
      this.#get(H.inode) === directory.inode % 2 ** 32 &&
      this.#get(H.device) === directory.device % 2 ** 32 &&
      this.#get(H.seconds) === directory.changedSeconds % 2 ** 32 &&
      this.#get(H.nanoseconds) === directory.changedNanoseconds &&
      this.#get(H.boot) === hash32(boot) &&
      this.#get(H.capacity) >= 1024
    );
  }

  /* ---- the table ---- */

  #page(record: number, ring = false): readonly [page: number, offset: number] {
    const first = ring ? 1 + this.#get(H.capacity) / PER_PAGE : 1;
    return [first + Math.floor(record / PER_PAGE), (record % PER_PAGE) * RECORD];
  }

  /** Calls `visit` for every record of a key until it returns true; then true. */
  #probe(key: Key, visit: (page: number, offset: number, kind: number) => boolean): boolean {
    const capacity = this.#get(H.capacity);
    for (let i = 0; i < capacity; i++) {
      const [number, offset] = this.#page((key.low + i) % capacity);
      const page = this.#pages.get(number);
      const kind = page[offset] ?? EMPTY;
      if (kind === EMPTY) return false;
      if (isRecordOf(page, offset, key) && visit(number, offset, kind)) return true;
    }
    return false;
  }

  #insert(key: Key, kind: number, address: IpAddress): void {
    const capacity = this.#get(H.capacity);
    for (let i = 0; i < capacity; i++) {
      const [number, offset] = this.#page((key.low + i) % capacity);
      const found = this.#pages.get(number)[offset] ?? EMPTY;
      if (found !== EMPTY && found !== DELETED) continue;
      if (found === EMPTY) this.#set(H.filled, this.#get(H.filled) + 1);
      writeRecord(this.#pages.change(number), offset, { key, kind, address });
      return;
    }
  }

  /** The addresses an owner had when the index was last told; the reservations have the last word. */
  addressesOf(owner: string): string[] {
    const addresses: string[] = [];
    this.#probe(hash64(owner), (number, offset, kind) => {
      if (kind === OWNER) addresses.push(formatAddress(addressIn(this.#pages.get(number), offset)));
      return false;
    });
    return addresses;
  }

  /** True if an address is in use or was since the index was made. */
  isKnown(address: string): boolean {
    return this.#probe(
      hash64(address),
      (_page, _offset, kind) => kind === USED || kind === RELEASED,
    );
  }

  /** Notes that an owner has an address. */
  add(address: string, owner: string): void {
    const bytes = parseAddress(address);
    if (!bytes) return;
    this.#follow(() => {
      this.#insert(hash64(owner), OWNER, bytes);
      if (!this.#setState(address, USED)) this.#insert(hash64(address), USED, bytes);
    });
  }

  /** Notes that an owner has released an address. */
  remove(address: string, owner: string): void {
    const bytes = parseAddress(address);
    if (!bytes) return;
    this.#follow(() => {
      this.#probe(hash64(owner), (number, offset, kind) => {
        if (kind !== OWNER) return false;
        if (formatAddress(addressIn(this.#pages.get(number), offset)) !== address) return false;
        this.#pages.change(number)[offset] = DELETED;
        return true;
      });
      if (this.#setState(address, RELEASED)) this.#push(bytes);
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

  #setState(address: string, state: number): boolean {
    return this.#probe(hash64(address), (number, offset, kind) => {
      if (kind !== USED && kind !== RELEASED) return false;
      this.#pages.change(number)[offset] = state;
      return true;
    });
  }

  /* ---- the ring of released addresses, oldest first ---- */

  #push(address: IpAddress): void {
    const capacity = this.#get(H.capacity);
    const tail = this.#get(H.tail);
    const [number, offset] = this.#page(tail % capacity, true);
    writeRecord(this.#pages.change(number), offset, {
      key: { low: 0, high: 0 },
      kind: RELEASED,
      address,
    });
    this.#set(H.tail, tail + 1);
    if (tail + 1 - this.#get(H.head) > capacity) this.#set(H.head, tail + 1 - capacity);
  }

  /** Takes out the address that was released longest ago among those that fit. */
  takeReleased(fits: (address: IpAddress) => boolean): IpAddress | undefined {
    const capacity = this.#get(H.capacity);
    const end = Math.min(this.#get(H.tail), this.#get(H.head) + RING_LOOK);
    for (let n = this.#get(H.head); n < end; n++) {
      const [number, offset] = this.#page(n % capacity, true);
      const page = this.#pages.get(number);
      if (page[offset] !== RELEASED) {
        if (n === this.#get(H.head)) this.#set(H.head, n + 1);
        continue;
      }
      const address = addressIn(page, offset);
      const isReleased = this.#probe(
        hash64(formatAddress(address)),
        (_p, _o, kind) => kind === RELEASED,
      );
      if (isReleased && !fits(address)) continue;
      this.#pages.change(number)[offset] = EMPTY;
      if (isReleased) return address;
    }
    return undefined;
  }

  /* ---- the file ---- */

  /** Writes the index and stamps the directory; whatever fails only makes the index worthless. */
  commit(directoryFd: number, boot: string): void {
    this.#follow(() => this.#stamp(descriptorStatus(directoryFd), boot));
    const isCrowded = this.#get(H.filled) > 0.7 * this.#get(H.capacity);
    if (this.#isLost || isCrowded) this.#pages.discard();
    else if (this.#pages.save(1 + (2 * this.#get(H.capacity)) / PER_PAGE)) {
      setChangeTime(directoryFd, this.#get(H.seconds), this.#get(H.nanoseconds));
    }
  }

  #stamp(directory: FileStatus, boot: string): void {
    const [nanoseconds = 0] = new Uint32Array(randomBytes(4).buffer);
    this.#set(H.inode, directory.inode % 2 ** 32);
    this.#set(H.device, directory.device % 2 ** 32);
    this.#set(H.seconds, directory.changedSeconds % 2 ** 32);
    this.#set(H.nanoseconds, nanoseconds % 1_000_000_000);
    this.#set(H.boot, hash32(boot));
  }

  close(): void {
    this.#pages.close();
  }
}

/* ---- records: kind u8, address length u8, key low u32 at 4, key high u32 at 8, address at 16 ---- */

function isRecordOf(page: Uint8Array, offset: number, { low, high }: Key): boolean {
  return numberAt(page, offset + 4) === low && numberAt(page, offset + 8) === high;
}

function numberAt(page: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [page[at], page[at + 1], page[at + 2], page[at + 3]];
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

interface TableRecord {
  readonly key: Key;
  readonly kind: number;
  readonly address: IpAddress;
}

function writeRecord(page: Uint8Array, offset: number, { key, kind, address }: TableRecord): void {
  page.fill(0, offset, offset + RECORD);
  page[offset] = kind;
  page[offset + 1] = address.length;
  [key.low, key.high].forEach((value, i) => {
    for (let n = 0; n < 4; n++) page[offset + 4 + 4 * i + n] = (value >>> (8 * n)) & 0xff;
  });
  page.set(address, offset + 16);
}

function addressIn(page: Uint8Array, offset: number): IpAddress {
  return page.slice(offset + 16, offset + 16 + ((page[offset + 1] ?? 4) === 16 ? 16 : 4));
}
