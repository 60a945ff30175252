/** In which order the addresses of a range set have their turn. */

import { type RangeSet, rangeOf } from "../../lib/cni/range-set.ts";
import {
  compareAddresses,
  equalAddresses,
  type IpAddress,
  nextAddress,
} from "../../lib/ip/address.ts";

/** Every address of a set once, gateways left out, beginning after the one last given out. */
export class Candidates {
  readonly #set: RangeSet;
  #range: number;
  #at: IpAddress | undefined;
  #first: IpAddress | undefined;

  constructor(set: RangeSet, last: IpAddress | undefined) {
    this.#set = set;
    const at = last ? set.findIndex((range) => rangeOf([range], last)) : -1;
    this.#range = Math.max(at, 0);
    this.#at = at < 0 ? undefined : last;
  }

  /** The next address, or undefined when it is the first one's turn again. */
  next(): IpAddress | undefined {
    for (;;) {
      const address = this.#step();
      const range = this.#set[this.#range];
      if (!address || !range) return undefined;
      if (this.#first && equalAddresses(address, this.#first)) return undefined;
      this.#first ??= address;
      if (!equalAddresses(address, range.gateway)) return address;
    }
  }

  #step(): IpAddress | undefined {
    const range = this.#set[this.#range];
    if (!range) return undefined;
    if (!this.#at) this.#at = range.start;
    else if (compareAddresses(this.#at, range.end) < 0) this.#at = nextAddress(this.#at);
    else {
      this.#range = (this.#range + 1) % this.#set.length;
      this.#at = this.#set[this.#range]?.start;
    }
    return this.#at;
  }
}
