/** What is to be done at a time: the next of it, and all of it that is due. */

import type { Cancel } from "./clock.ts";

interface Timer {
  readonly at: number;
  readonly act: () => void;
}

/** Few at a time, so they are a list in the order of their times. */
export class Timers {
  readonly #timers: Timer[] = [];

  /** When the next one is due; undefined if there is none. */
  get next(): number | undefined {
    return this.#timers[0]?.at;
  }

  /** Those of one time are called in the order in which they were added. */
  add(at: number, act: () => void): Cancel {
    const timer = { at, act };
    const later = this.#timers.findIndex((each) => each.at > at);
    this.#timers.splice(later < 0 ? this.#timers.length : later, 0, timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  /** Calls what is due now. What that adds waits for the next time, or nothing else would be done. */
  run(now: number, call: (act: () => void) => void): void {
    const due = this.#timers.filter(({ at }) => at <= now);
    for (const timer of due) {
      const index = this.#timers.indexOf(timer);
      if (index < 0) continue;
      this.#timers.splice(index, 1);
      call(timer.act);
    }
  }
}
