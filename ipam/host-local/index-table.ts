/**
 * The table of an index: which addresses an owner has, and whether an address is used, released or
 * unknown. It is a hash table with open addressing: records of one key follow each other, with
 * those of others between them, and end before the first empty one.
 */

import { hash64 } from "../../lib/bytes/hash.ts";
import type { PagedFile } from "../../lib/host/pages.ts";
import { formatAddress, type IpAddress } from "../../lib/ip/address.ts";
import {
  addressIn,
  DELETED,
  EMPTY,
  H,
  type Header,
  type IndexRecord,
  isRecordOf,
  type Key,
  OWNER,
  PER_PAGE,
  RECORD,
  RELEASED,
  USED,
  writeRecord,
} from "./index-pages.ts";

/** Looks at a record of a key; true if it was the one that is looked for. */
type Visit = (page: number, offset: number, kind: number) => boolean;

/** The table of one index: the pages after the header. */
export class IndexTable {
  readonly #pages: PagedFile;
  readonly #header: Header;
  readonly #keys = new Map<string, Key>();

  constructor(pages: PagedFile, header: Header) {
    this.#pages = pages;
    this.#header = header;
  }

  /** The addresses of an owner. */
  addressesOf(owner: string): string[] {
    const addresses: string[] = [];
    this.#find(this.#keyOf(owner), (number, offset, kind) => {
      if (kind === OWNER) addresses.push(formatAddress(addressIn(this.#pages.get(number), offset)));
      return false;
    });
    return addresses;
  }

  /** True if an address is used or released. */
  isKnown(address: string): boolean {
    return this.#find(this.#keyOf(address), (_page, _offset, kind) => isState(kind));
  }

  /** True if an address is released. */
  isReleased(address: string): boolean {
    return this.#find(this.#keyOf(address), (_page, _offset, kind) => kind === RELEASED);
  }

  /** Notes that an owner has an address, which is given as text and as bytes. */
  give(owner: string, text: string, address: IpAddress): void {
    const key = this.#keyOf(text);
    this.#insert({ key: this.#keyOf(owner), kind: OWNER, address });
    if (!this.#setState(key, USED)) this.#insert({ key, kind: USED, address });
  }

  /** Notes that an owner has an address no more; true if the address was known. */
  take(owner: string, address: string): boolean {
    this.#find(this.#keyOf(owner), (number, offset, kind) => {
      if (kind !== OWNER) return false;
      if (formatAddress(addressIn(this.#pages.get(number), offset)) !== address) return false;
      this.#pages.change(number)[offset] = DELETED;
      return true;
    });
    return this.#setState(this.#keyOf(address), RELEASED);
  }

  #setState(key: Key, state: number): boolean {
    return this.#find(key, (number, offset, kind) => {
      if (!isState(kind)) return false;
      this.#pages.change(number)[offset] = state;
      return true;
    });
  }

  #insert(record: IndexRecord): void {
    const capacity = this.#header.get(H.capacity);
    for (let i = 0; i < capacity; i++) {
      const [number, offset] = placeOf((record.key.low + i) % capacity);
      const found = this.#pages.get(number)[offset] ?? EMPTY;
      if (found !== EMPTY && found !== DELETED) continue;
      if (found === EMPTY) this.#header.set(H.filled, this.#header.get(H.filled) + 1);
      writeRecord(this.#pages.change(number), offset, record);
      return;
    }
  }

  /** One run asks for the same few again and again. */
  #keyOf(text: string): Key {
    const known = this.#keys.get(text);
    if (known) return known;
    const key = hash64(text);
    this.#keys.set(text, key);
    return key;
  }

  /** Visits the records of a key until a visit returns true; false if none does. */
  #find(key: Key, visit: Visit): boolean {
    const capacity = this.#header.get(H.capacity);
    for (let i = 0; i < capacity; i++) {
      const [number, offset] = placeOf((key.low + i) % capacity);
      const page = this.#pages.get(number);
      const kind = page[offset] ?? EMPTY;
      if (kind === EMPTY) return false;
      if (isRecordOf(page, offset, key) && visit(number, offset, kind)) return true;
    }
    return false;
  }
}

function isState(kind: number): boolean {
  return kind === USED || kind === RELEASED;
}

/** Where a record of the table is. */
function placeOf(record: number): readonly [page: number, offset: number] {
  return [1 + Math.floor(record / PER_PAGE), (record % PER_PAGE) * RECORD];
}
