/** The ring of an index: which addresses were released, the one that was released first comes first. */

import type { PagedFile } from "../../lib/host/pages.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import {
  addressIn,
  EMPTY,
  H,
  type Header,
  PER_PAGE,
  RECORD,
  RELEASED,
  writeRecord,
} from "./index-pages.ts";

/** How far into the ring an address that fits is looked for. */
const FARTHEST = 512;

/** What becomes of an address that is found: it is taken, left where it is, or dropped. */
export type Choice = "take" | "leave" | "drop";

/** The ring of one index: the pages after the table, as many as that has. */
export class IndexRing {
  readonly #pages: PagedFile;
  readonly #header: Header;

  constructor(pages: PagedFile, header: Header) {
    this.#pages = pages;
    this.#header = header;
  }

  /** Adds an address at the end; if the ring is full, the first one is lost. */
  push(address: IpAddress): void {
    const header = this.#header;
    const capacity = header.get(H.capacity);
    const tail = header.get(H.tail);
    const [number, offset] = this.#placeOf(tail);
    const record = { kind: RELEASED, address, key: { low: 0, high: 0 } };
    writeRecord(this.#pages.change(number), offset, record);
    header.set(H.tail, tail + 1);
    if (tail + 1 - header.get(H.head) > capacity) header.set(H.head, tail + 1 - capacity);
  }

  /** Asks about addresses, the first ones first, until one is to be taken. */
  take(choose: (address: IpAddress) => Choice): IpAddress | undefined {
    const header = this.#header;
    const end = Math.min(header.get(H.tail), header.get(H.head) + FARTHEST);
    for (let n = header.get(H.head); n < end; n++) {
      const [number, offset] = this.#placeOf(n);
      const page = this.#pages.get(number);
      if (page[offset] !== RELEASED) {
        if (n === header.get(H.head)) header.set(H.head, n + 1);
        continue;
      }
      const address = addressIn(page, offset);
      const choice = choose(address);
      if (choice === "leave") continue;
      this.#pages.change(number)[offset] = EMPTY;
      if (choice === "take") return address;
    }
    return undefined;
  }

  /** Where the record is that has a number, counted on and on. */
  #placeOf(count: number): readonly [page: number, offset: number] {
    const capacity = this.#header.get(H.capacity);
    const record = count % capacity;
    const first = 1 + capacity / PER_PAGE;
    return [first + Math.floor(record / PER_PAGE), (record % PER_PAGE) * RECORD];
  }
}
