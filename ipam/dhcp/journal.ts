/**
 * What the daemon tells: one line for each thing that happened, but no more than a log can take. A
 * hostile server, or a link that goes up and down, can cause any number of them.
 */

import { bootMilliseconds } from "../../lib/host/epoll.ts";

/** Writes a line. */
export type Log = (event: string, message: string) => void;

/** So many lines at once, and one more each minute. */
const AT_ONCE = 20;
const MINUTE = 60_000;
/** Characters of a line. */
const LONGEST = 1_000;

/** The lines of one source; those left out are counted in the next. */
export class Journal {
  readonly #log: Log;
  readonly #subject: string;
  #left = AT_ONCE;
  #countedAt = bootMilliseconds();
  #leftOut = 0;

  /** Each line begins with the subject. */
  constructor(log: Log, subject = "") {
    this.#log = log;
    this.#subject = subject;
  }

  tell(event: string, message: string): void {
    this.#refill();
    if (this.#left === 0) {
      this.#leftOut++;
      return;
    }
    this.#left--;
    const note = this.#leftOut > 0 ? ` (${this.#leftOut} lines before were left out)` : "";
    this.#leftOut = 0;
    this.#log(event, this.#subject + short(message) + note);
  }

  #refill(): void {
    const minutes = Math.floor((bootMilliseconds() - this.#countedAt) / MINUTE);
    this.#countedAt += minutes * MINUTE;
    this.#left = Math.min(AT_ONCE, this.#left + minutes);
  }
}

function short(message: string): string {
  return message.length > LONGEST ? `${message.slice(0, LONGEST)} …` : message;
}
