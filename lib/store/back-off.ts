/** How long to wait before something that failed is tried again: longer each time, and never alike. */

/** Waits of one thing that may fail. */
export class BackOff {
  readonly #first: number;
  readonly #most: number;
  readonly #random: () => number;
  #next: number;

  /** From `first` to `most` milliseconds; `random` gives numbers from 0 to 1. */
  constructor(first: number, most: number, random: () => number) {
    this.#first = first;
    this.#most = most;
    this.#random = random;
    this.#next = first;
  }

  /** The wait after one more failure: between half of it and all. */
  next(): number {
    const wait = this.#next;
    this.#next = Math.min(2 * wait, this.#most);
    return Math.round((wait * (1 + this.#random())) / 2);
  }

  /** It has worked. */
  reset(): void {
    this.#next = this.#first;
  }
}
