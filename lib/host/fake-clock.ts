/** A clock for tests, which goes when it is told to. */

import type { Cancel, Clock } from "./clock.ts";
import { Timers } from "./timers.ts";

/** Milliseconds of 2026 that the wall clock starts at. */
const WALL = 1_767_225_600_000;

/** Its time begins at a million milliseconds; what is due is done as it passes. */
export class FakeClock implements Clock {
  readonly #timers = new Timers();
  #now = 1_000_000;
  #wall = WALL;

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wall + this.#now;
  }

  after(milliseconds: number, act: () => void): Cancel {
    return this.#timers.add(this.#now + milliseconds, act);
  }

  /** Sets the wall clock forward, or back by a negative number. */
  set(milliseconds: number): void {
    this.#wall += milliseconds;
  }

  /** Lets so many milliseconds pass. */
  pass(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (
      let next = this.#timers.next;
      next !== undefined && next <= end;
      next = this.#timers.next
    ) {
      this.#now = Math.max(this.#now, next);
      this.#timers.run(this.#now, (act) => act());
    }
    this.#now = end;
  }
}
