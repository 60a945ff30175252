/** How long the steps of a call take. */

import type { TimedStep } from "./log-line.ts";

/** So many are kept; GC may have thousands. */
const MOST_STEPS = 40;
const LONGEST_STEP = 100;

/** Steps as they are told (lib/cni/steps.ts), with a clock in milliseconds. */
export class StepTimes {
  readonly #clock: () => number;
  readonly #steps: TimedStep[] = [];
  #step = "";
  #since = 0;
  #more = 0;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** A step begins, and with that the one before ends; "" is none. */
  begin(what: string, program: string): void {
    const now = this.#clock();
    this.#keep(now);
    const name = program === "" ? what : `${program.slice(program.lastIndexOf("/") + 1)} ${what}`;
    this.#step = name.length > LONGEST_STEP ? `${name.slice(0, LONGEST_STEP - 1)}…` : name;
    this.#since = now;
  }

  /** Ends the last step, at a time of the clock: all of them, and how many more there were than are kept. */
  finish(now: number): { readonly steps: readonly TimedStep[]; readonly moreSteps: number } {
    this.#keep(now);
    this.#step = "";
    return { steps: this.#steps, moreSteps: this.#more };
  }

  #keep(now: number): void {
    if (this.#step === "") return;
    if (this.#steps.length === MOST_STEPS) this.#more++;
    else this.#steps.push({ step: this.#step, ms: rounded(now - this.#since) });
  }
}

/** Milliseconds with three digits behind the point. */
export function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
