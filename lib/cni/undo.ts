/** Taking back what was done, and doing as much as can be done. */

import { Failure } from "../host/failure.ts";
import { warn } from "../host/warn.ts";
import { CniError } from "./error.ts";
import { begin, end } from "./steps.ts";

/** What ADD did so far, each with how to take it back. */
export class Undo {
  readonly #steps: { readonly what: string; readonly run: () => void }[] = [];

  /**
   * Records how to take back the several requests that follow: `run` must be content with any of
   * them not done.
   */
  before(what: string, run: () => void): void {
    begin(what);
    this.#steps.push({ what, run });
  }

  /**
   * Does one request and records how to take it back; also if its outcome is unknown because an
   * answer was lost, the kernel's or a program's, so `run` must be content if nothing was done.
   */
  step<T>(what: string, body: () => T, run: () => void): T {
    begin(what);
    try {
      const value = body();
      end();
      this.#steps.push({ what, run });
      return value;
    } catch (cause) {
      if (!isSettled(cause)) this.#steps.push({ what, run });
      throw cause;
    }
  }

  /** Takes everything back, newest first; what cannot be taken back is returned. */
  run(): CniError[] {
    return attemptAll(this.#steps.reverse().map(({ what, run }) => [`undo: ${what}`, run]));
  }
}

/** False if what failed may have been done all the same. */
function isSettled(cause: unknown): boolean {
  return !(cause instanceof Failure) || cause.settled;
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

/** Best effort: a failure is told on stderr, for people, and is no error. */
export function tryTo(what: string, body: () => unknown): void {
  for (const { message } of attemptAll([[what, body]])) warn(`Cannot ${what}: ${message}`);
}

/** Something to do, in words and as such. */
export type Step = readonly [what: string, run: () => unknown];

/** DEL and GC: runs every step whatever happens, and throws one error that names all that failed. */
export function asMuchAsPossible(...steps: readonly Step[]): void {
  const [first, ...more] = attemptAll(steps);
  if (first) throw first.plus(more);
}

function attemptAll(steps: readonly Step[]): CniError[] {
  const errors: CniError[] = [];
  for (const [what, run] of steps) {
    begin(what);
    try {
      run();
    } catch (cause) {
      errors.push(CniError.from(cause).with(what));
    }
  }
  end();
  return errors;
}
