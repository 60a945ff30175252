/**
 * What an index is made of: numbers in the header, which is the first page, and records of a fixed
 * size in all others. A record is its kind, an address, and for the table the key it is found by.
 *
 *   kind u8 | address length u8 | … | key, low u32 at 4, high u32 at 8 | … | address at 16
 */

import { PAGE_SIZE, type PagedFile } from "../../lib/host/pages.ts";
import type { IpAddress } from "../../lib/ip/address.ts";

/** Fields of the header. */
export const H = {
  magic: 0,
  /** How many records the table has room for, and the ring. */
  capacity: 1,
  /** How many records of the table have ever been written. */
  filled: 2,
  /** Where the ring begins and ends, counted on and on. */
  head: 3,
  tail: 4,
  inode: 5,
  device: 6,
  seconds: 7,
  nanoseconds: 8,
  boot: 9,
} as const;

/** The header: 32-bit numbers by their field. */
export class Header {
  readonly #pages: PagedFile;
  readonly #numbers: Uint32Array;

  constructor(pages: PagedFile) {
    this.#pages = pages;
    this.#numbers = new Uint32Array(pages.get(0).buffer);
  }

  get(field: number): number {
    return this.#numbers[field] ?? 0;
  }

  set(field: number, value: number): void {
    this.#pages.change(0);
    this.#numbers[field] = value;
  }
}

/** Kinds of records. In the table an owner's holds its address, an address's its state. */
export const EMPTY = 0;
export const OWNER = 1;
export const USED = 2;
export const RELEASED = 3;
export const DELETED = 4;

/** Bytes of a record. */
export const RECORD = 32;
/** Records of a page. */
export const PER_PAGE = PAGE_SIZE / RECORD;

/** What an owner or an address is looked up by. */
export interface Key {
  readonly low: number;
  readonly high: number;
}

/** A record as it is written. */
export interface IndexRecord {
  readonly kind: number;
  readonly address: IpAddress;
  readonly key: Key;
}

/** Writes a record over whatever is at an offset of a page. */
export function writeRecord(page: Uint8Array, offset: number, record: IndexRecord): void {
  const { kind, address, key } = record;
  page.fill(0, offset, offset + RECORD);
  page[offset] = kind;
  page[offset + 1] = address.length;
  [key.low, key.high].forEach((value, i) => {
    for (let n = 0; n < 4; n++) page[offset + 4 + 4 * i + n] = (value >>> (8 * n)) & 0xff;
  });
  page.set(address, offset + 16);
}

/** True if the record at an offset of a page has a key. */
export function isRecordOf(page: Uint8Array, offset: number, { low, high }: Key): boolean {
  return numberAt(page, offset + 4) === low && numberAt(page, offset + 8) === high;
}

function numberAt(page: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [page[at], page[at + 1], page[at + 2], page[at + 3]];
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

/** The address of the record at an offset of a page. */
export function addressIn(page: Uint8Array, offset: number): IpAddress {
  return page.slice(offset + 16, offset + 16 + ((page[offset + 1] ?? 4) === 16 ? 16 : 4));
}
