/** Elements of a set, as they lie in the kernel's requests: thousands of objects would take the agent's memory. */

import { type Family, family, type IpAddress } from "../ip/address.ts";

/** What a set has: an address, or an address with a port. Sets of ports have none but the latter. */
export interface Element {
  readonly address: IpAddress;
  readonly port: number | undefined;
}

const LENGTHS = { 4: 4, 6: 16 } as const;
/** What a port takes of a key: it is followed by nothing. */
const PORT = 4;

/** Elements of one set, each once. */
export class ElementList implements Iterable<Element> {
  readonly hasPorts: boolean;
  readonly #packed = { 4: EMPTY, 6: EMPTY };
  readonly #ends = { 4: 0, 6: 0 };

  constructor(hasPorts: boolean) {
    this.hasPorts = hasPorts;
  }

  static of(hasPorts: boolean, elements: Iterable<Element>): ElementList {
    const list = new ElementList(hasPorts);
    for (const { address, port } of elements) list.add(address, port);
    return list;
  }

  add(address: IpAddress, port: number | undefined): void {
    const of = family(address);
    const at = this.#ends[of];
    const end = at + this.keyLength(of);
    this.#makeRoom(of, end);
    const bytes = this.#packed[of];
    bytes.set(address, at);
    if (port !== undefined) {
      bytes[at + LENGTHS[of]] = port >> 8;
      bytes[at + LENGTHS[of] + 1] = port & 255;
    }
    this.#ends[of] = end;
  }

  get length(): number {
    return this.#ends[4] / this.keyLength(4) + this.#ends[6] / this.keyLength(6);
  }

  /** How long a key is. */
  keyLength(of: Family): number {
    return LENGTHS[of] + (this.hasPorts ? PORT : 0);
  }

  /** The keys of a family, one after the other. */
  keys(of: Family): Uint8Array {
    return this.#packed[of].subarray(0, this.#ends[of]);
  }

  *[Symbol.iterator](): Iterator<Element> {
    for (const of of [4, 6] as const) {
      const [length, keys] = [this.keyLength(of), this.keys(of)];
      for (let at = 0; at < keys.length; at += length) {
        const address = keys.slice(at, at + LENGTHS[of]);
        const [high = 0, low = 0] = keys.subarray(at + LENGTHS[of], at + length);
        yield { address, port: this.hasPorts ? (high << 8) | low : undefined };
      }
    }
  }

  #makeRoom(of: Family, size: number): void {
    const bytes = this.#packed[of];
    if (bytes.length >= size) return;
    const larger = new Uint8Array(Math.max(2 * bytes.length, size));
    larger.set(bytes);
    this.#packed[of] = larger;
  }
}

const EMPTY: Uint8Array = new Uint8Array(0);
