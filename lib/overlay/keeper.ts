/**
 * When what is written of a network is compared with the kernel: after changes, which come in
 * bunches; once a minute without any, since nobody tells of changes to rules, or more rarely where
 * that takes long; again after a failure.
 * Between that it is looked every two seconds whether the guards are there.
 */

import type { Cancel, Clock } from "../host/clock.ts";

/** Changes are collected until it has been quiet for so long, in milliseconds, or for the longest. */
const QUIET = 100;
const LONGEST = 500;
/** How long after a failure it is tried again, at first and at most. */
const RETRY = { first: 2000, most: 30_000 };
/** The guards are looked for so often. */
const LOOK = 2000;
/**
 * All is compared so often even if nothing seems to have changed; where that takes long, as with
 * thousands of hosts, it may take so small a part of the time.
 */
const RESYNC = { least: 60_000, most: 600_000, times: 200 };

/** What is kept, and how. */
export interface Kept {
  /** Makes all right; false if something keeps it from being so, and it is to be tried again. */
  readonly makeRight: () => boolean;
  /** False if something is missing, as far as little tells. */
  readonly seemsRight: () => boolean;
}

/** Keeps something right for as long as its clock goes. */
export class Keeper {
  readonly #clock: Clock;
  readonly #kept: Kept;
  #retry = RETRY.first;
  /** When the oldest change came that is not acted on yet. */
  #firstChange: number | undefined;
  #cancelPass: Cancel = () => undefined;
  #cancelLook: Cancel = () => undefined;
  #isEnded = false;

  constructor(clock: Clock, kept: Kept) {
    this.#clock = clock;
    this.#kept = kept;
  }

  /** Makes all right now, and from now on; what changes meanwhile is acted on afterwards. */
  act(): void {
    if (this.#isEnded) return;
    this.#cancelPass();
    this.#cancelLook();
    this.#firstChange = undefined;
    const start = this.#clock.now();
    const isRight = this.#kept.makeRight();
    const taken = RESYNC.times * (this.#clock.now() - start);
    const resync = Math.max(RESYNC.least, Math.min(taken, RESYNC.most));
    if (this.#firstChange === undefined) this.#schedule(isRight ? resync : this.#retry);
    this.#retry = isRight ? RETRY.first : Math.min(this.#retry * 2, RETRY.most);
    if (isRight) this.#lookLater();
  }

  /** Something has changed: it is acted on once it is quiet again. */
  changed(): void {
    const now = this.#clock.now();
    this.#firstChange ??= now;
    this.#schedule(Math.max(0, Math.min(QUIET, this.#firstChange + LONGEST - now)));
  }

  /** Nothing is done any more. */
  end(): void {
    this.#isEnded = true;
    this.#cancelPass();
    this.#cancelLook();
  }

  #schedule(milliseconds: number): void {
    this.#cancelPass();
    if (this.#isEnded) return;
    this.#cancelPass = this.#clock.after(milliseconds, () => this.act());
  }

  #lookLater(): void {
    this.#cancelLook = this.#clock.after(LOOK, () => {
      if (this.#kept.seemsRight()) this.#lookLater();
      else this.act();
    });
  }
}
