/** Time that passes, and what is to be done later: an event loop's, or a test's own. */
export interface Clock {
  /** Milliseconds of a clock that never jumps, and goes on while the machine sleeps. */
  now(): number;
  /** Milliseconds since 1970, for people and records only: this clock may be set. */
  wall(): number;
  /** Calls `act` once, so many milliseconds from now, unless the function it returns is called. */
  after(milliseconds: number, act: () => void): Cancel;
}

/**
 * A time by `now()` as milliseconds since 1970. It is not kept like this: where the wall clock is set, it
 * would be one at which nothing was.
 */
export function wallTime(clock: Clock, time: number | undefined): number | undefined {
  return time === undefined ? undefined : Math.round(clock.wall() + time - clock.now());
}

/** Takes back what has not happened yet; afterwards it does nothing. */
export type Cancel = () => void;
