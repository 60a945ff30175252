/** Two hosts with one public address write one key: not in haste, and it is named while it lasts. */

import type { Cancel, Clock } from "../../host/clock.ts";
import { BackOff } from "../back-off.ts";

/** In milliseconds: what is written over is written again after this, at first and at most. */
const WAIT = { first: 5_000, most: 600_000 };

/** What a quarrel works with, and who is told of it; undefined once nobody writes the key any more. */
export interface QuarrelMeans {
  readonly clock: Clock;
  readonly random: () => number;
  readonly onProblem: (problem: string | undefined) => void;
}

export class Quarrel {
  readonly #means: QuarrelMeans;
  readonly #backOff: BackOff;
  #cancel: Cancel = () => {};

  constructor(means: QuarrelMeans) {
    this.#means = means;
    this.#backOff = new BackOff(WAIT.first, WAIT.most, means.random);
  }

  /** Somebody else has written the key; how long to wait before it is written again. */
  next(address: string): number {
    const { clock, onProblem } = this.#means;
    const wait = this.#backOff.next();
    const state = "another host has it as well, and both write one key";
    const advice = "give one of them another address, or --public-ip";
    onProblem(`Cannot keep the public address ${address} for this host: ${state}; ${advice}`);
    this.#cancel();
    // The other one waits no longer than this.
    this.#cancel = clock.after(Math.min(5 * wait, 1.1 * WAIT.most) + 10_000, () => this.end());
    return wait;
  }

  end(): void {
    this.#cancel();
    this.#backOff.reset();
    this.#means.onProblem(undefined);
  }
}
