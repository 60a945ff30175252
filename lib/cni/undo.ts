/** Taking back what was done, and doing as much as can be done. */

import { warn } from "../host/file.ts";
import { NetlinkError } from "../netlink/error.ts";
import { CniError } from "./error.ts";

/** What ADD did so far, each with how to take it back. */
export class Undo {
  readonly #steps: { readonly what: string; readonly run: () => void }[] = [];

  /** Records how to take back what has just been done. */
  add(what: string, run: () => void): void {
    this.#steps.push({ what, run });
  }

  /**
   * Does a step and records how to take it back; also if its outcome is unknown because the
   * kernel's answer was lost, so `run` must be content if there is nothing to take back.
   */
  step<T>(what: string, body: () => T, run: () => void): T {
    try {
      const value = body();
      this.add(what, run);
      return value;
    } catch (cause) {
      if (cause instanceof NetlinkError && !cause.settled) this.add(what, run);
      throw cause;
    }
  }

  /** Takes everything back, newest first; what cannot be taken back is returned. */
  run(): CniError[] {
    return attemptAll(this.#steps.reverse().map(({ what, run }) => [`undo: ${what}`, run]));
  }
}

/** ADD: runs `body`; if it throws, takes back what it recorded and throws the first error. */
export function allOrNothing<T>(body: (undo: Undo) => T): T {
  const undo = new Undo();
  try {
    return body(undo);
  } catch (cause) {
    throw CniError.from(cause).plus(undo.run());
  }
}

/** Tries what nobody relies on: a failure is told on stderr, for people, and is no error. */
export function tryTo(what: string, body: () => unknown): void {
  for (const { message } of attemptAll([[what, body]])) warn(`Cannot ${what}: ${message}`);
}

type Step = readonly [what: string, run: () => unknown];

/** DEL and GC: runs every step whatever happens, and throws one error that names all that failed. */
export function asMuchAsPossible(...steps: readonly Step[]): void {
  const [first, ...more] = attemptAll(steps);
  if (first) throw first.plus(more);
}

function attemptAll(steps: readonly Step[]): CniError[] {
  const errors: CniError[] = [];
  for (const [what, run] of steps) {
    try {
      run();
    } catch (cause) {
      errors.push(CniError.from(cause).with(what));
    }
  }
  return errors;
}
