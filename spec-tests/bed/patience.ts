/** Time limits that grow with how slow, or how busy, the machine is at that moment. */
import { spawnSync } from "node:child_process";

/** Milliseconds that the calibration runs take on a quiet machine. */
const USUAL = { programs: 6, namespace: 8 };

/** How long a calibration run is good for. */
const FRESH = 500;

let known = 1;
let measuredAt = Number.NEGATIVE_INFINITY;

/** How many times longer than on a quiet machine programs take now, by running some; at least 1. */
export function slowness(): number {
  const begun = performance.now();
  if (begun - measuredAt < FRESH) return known;
  spawnSync("/bin/sh", ["-c", "for i in 1 2 3 4 5; do /bin/cat /proc/self/stat; done"]);
  measuredAt = performance.now();
  // A moment's calm in a busy time is not trusted.
  known = Math.max(1, (measuredAt - begun) / USUAL.programs, known / 2);
  return known;
}

/**
 * Seconds to wait for an answer over the network that may never come; `seconds` on a quiet machine. They
 * grow more slowly than what programs take: on the way there is little to compute.
 */
export function answerTime(seconds: number): number {
  return seconds * Math.sqrt(slowness());
}

/** How many times longer the kernel takes, whose locks all who change links share; it costs more to ask. */
function slownessOfKernel(): number {
  const begun = performance.now();
  spawnSync("unshare", ["-n", "/bin/sh", "-c", ":"]);
  return (performance.now() - begun) / USUAL.namespace;
}

/** Some milliseconds of a quiet machine, which are more on another one. */
export class Patience {
  readonly #milliseconds: number;
  readonly #begun = performance.now();
  #last = this.#begun;
  #spent = 0;

  constructor(milliseconds = 20_000) {
    this.#milliseconds = milliseconds;
  }

  /** Whether any is left. */
  lasts(): boolean {
    const now = performance.now();
    // What is there soon, as most is, is not worth a calibration run.
    if (now - this.#begun < this.#milliseconds / 10) return true;
    this.#spent += (now - this.#last) / slowness();
    this.#last = now;
    if (this.#spent < this.#milliseconds) return true;
    return (now - this.#begun) / slownessOfKernel() < this.#milliseconds;
  }
}

/** No pause is longer for how long something is waited for already. */
const LONGEST_PAUSE = 250;

/** The pauses between looks at something that is waited for: longer, the longer it and each look take. */
export class Pauses {
  readonly #shortest: number;
  readonly #begun = performance.now();
  #last = performance.now();

  constructor(shortest: number) {
    this.#shortest = shortest;
  }

  /** Milliseconds until the next look, asked for after each. */
  next(): number {
    const now = performance.now();
    const [look, waited] = [now - this.#last, now - this.#begun];
    const pause = Math.max(
      this.#shortest,
      Math.min(2 * look, waited / 4),
      Math.min(waited / 20, LONGEST_PAUSE),
    );
    this.#last = now + pause;
    return pause;
  }
}

/** Blocks until a condition holds. */
export function waitUntil(what: string, holds: () => boolean): void {
  const [patience, pauses] = [new Patience(), new Pauses(5)];
  while (!holds()) {
    if (!patience.lasts()) throw new Error(`Cannot go on: ${what} did not come`);
    sleep(pauses.next());
  }
}

/** Blocks this process for so many milliseconds. */
export function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
