/** When peers.json is written: at once after quiet, and however often hosts change, rarely. */

import type { Cancel, Clock } from "../lib/host/clock.ts";

/** So long between two writings, in milliseconds: they are to take a thousandth of the time. */
const PAUSE = { least: 2000, most: 30_000, times: 1000 };

/** Collects changes. */
export class PeersFile {
  readonly #clock: Clock;
  readonly #write: () => boolean;
  #isDirty = false;
  #nextAt = 0;
  #cancel: Cancel | undefined;

  /** `write` is false if it is too early to write anything. */
  constructor(clock: Clock, write: () => boolean) {
    this.#clock = clock;
    this.#write = write;
  }

  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** The hosts are others than those that are written. */
  changed(): void {
    this.#isDirty = true;
    const wait = Math.max(0, this.#nextAt - this.#clock.now());
    this.#cancel ??= this.#clock.after(wait, () => this.flush());
  }

  /** Writes now what is not written; throws if it cannot. What is not written then is written later. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (!this.#isDirty) return;
    const start = this.#clock.now();
    this.#nextAt = start + PAUSE.least;
    try {
      this.#isDirty = !this.#write();
    } finally {
      const end = this.#clock.now();
      const pause = Math.max(PAUSE.least, Math.min(PAUSE.times * (end - start), PAUSE.most));
      this.#nextAt = end + pause;
      if (this.#isDirty) this.changed();
    }
  }
}
