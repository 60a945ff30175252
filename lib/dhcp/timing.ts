/** When to send again, and when a lease is renewed, rebound and over (RFC 2131, 4.1 and 4.4.5). */

/** The daemon's limits, in milliseconds. */
export interface Timing {
  /** The first wait for an answer; each further one is twice as long. */
  readonly timeout: number;
  /** The longest wait for an answer. */
  readonly resendMax: number;
  /** How long the first lease is looked for in all. */
  readonly resendTimeout: number;
}

/** Without flags: RFC 2131's first wait (the reference's is 10 s), and the reference's limits. */
export const DEFAULT_TIMING: Timing = { timeout: 4_000, resendMax: 62_000, resendTimeout: 208_000 };
