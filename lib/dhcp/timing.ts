/**
 * When to send again, and when a lease is renewed, rebound and over (RFC 2131, 4.1 and 4.4.5). All
 * times are in milliseconds.
 */

import { Option, type Options } from "./options.ts";
import { numberIn } from "./values.ts";

/** The daemon's limits. */
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

/** Numbers from 0 up to, but not including, 1. */
export type Random = () => number;

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** How often an offer is asked for before others are looked for, and a lease after a restart. */
export const TRIES = 3;

/** How long a client waits after a conflict (RFC 2131, 3.1.5). */
export const AFTER_DECLINE: number = 10 * SECOND;

/** No flag makes a client ask without end. */
const LEAST_WAIT = 100;

/** How long to wait for an answer to the request that was sent `before` times before. */
export function answerWait({ timeout, resendMax }: Timing, before: number, random: Random): number {
  const first = Math.max(timeout, LEAST_WAIT);
  const wait = Math.min(first * 2 ** before, Math.max(first, resendMax));
  const spread = Math.min(SECOND, wait / 4);
  return wait + (2 * random() - 1) * spread;
}

/**
 * How long to wait for an offer: as for any answer, but that the very first question is soon asked
 * once more. A link that was made just now loses it, if its bridge does not forward yet.
 */
export function offerWait(timing: Timing, before: number, random: Random): number {
  const wait = answerWait(timing, Math.max(before - 1, 0), random);
  return before === 0 ? Math.min(wait, SOON) : wait;
}

const SOON = 250;

/** How long to wait before a restored lease is asked about: many are restored together. */
export function restoreWait(random: Random): number {
  return Math.ceil((1 - random()) * SECOND);
}

/** How long not to try again after so many refusals one after the other. */
export function refusalWait({ resendMax }: Timing, refusals: number): number {
  return Math.min(SECOND * 2 ** (refusals - 1), Math.max(resendMax, SECOND));
}

/**
 * How long to wait for the answer to a renewal that may be asked for until some time: half of what
 * is left, but a minute at least; for leases under an hour a sixtieth of the lease, and a second.
 */
export function renewalWait(lease: LeaseTimes, now: number, until: number): number {
  const whole = lease.expiresAt - lease.acquiredAt;
  const least = Math.min(MINUTE, Math.max(SECOND, whole / 60));
  return Math.max(least, (until - now) / 2);
}

/** The times of a lease; Infinity for what never comes. */
export interface LeaseTimes {
  /** When it was asked for: from then on it counts. */
  readonly acquiredAt: number;
  readonly renewAt: number;
  readonly rebindAt: number;
  readonly expiresAt: number;
}

/** Without option 51 a lease is as long as with the reference. */
const DEFAULT_LEASE = 60 * MINUTE;
const FOREVER = 0xffffffff;
/** No server is asked more often, unless its lease is so short. */
const LEAST_RENEWAL = 10 * SECOND;

/**
 * The times of a lease that was asked for at `acquiredAt`; undefined if the server gives none
 * (lease time 0). T2 counts only within the lease, else it is 7/8 of it; T1 only before T2, else it
 * is 1/2 of the lease, or 4/7 of T2 if that is less. T1 is at least 10 s, or half of a short lease.
 * It comes up to 5 % early, so that those who began together do not renew together.
 */
export function leaseTimes(
  options: Options,
  acquiredAt: number,
  random: Random,
): LeaseTimes | undefined {
  const seconds = numberIn(options, Option.leaseTime, 4);
  if (seconds === 0) return undefined;
  if (seconds === FOREVER) {
    return { acquiredAt, renewAt: Infinity, rebindAt: Infinity, expiresAt: Infinity };
  }
  const lease = seconds === undefined ? DEFAULT_LEASE : seconds * SECOND;
  const given2 = millisecondsIn(options, Option.rebindingTime);
  const t2 = given2 > 0 && given2 < lease ? given2 : (lease * 7) / 8;
  const given1 = millisecondsIn(options, Option.renewalTime);
  const t1 = given1 > 0 && given1 < t2 ? given1 : Math.min(lease / 2, (t2 * 4) / 7);
  const floored = Math.max(t1, Math.min(LEAST_RENEWAL, lease / 2));
  return {
    acquiredAt,
    renewAt: acquiredAt + Math.floor(floored * (1 - random() / 20)),
    rebindAt: acquiredAt + Math.max(t2, floored),
    expiresAt: acquiredAt + lease,
  };
}

function millisecondsIn(options: Options, code: number): number {
  return (numberIn(options, code, 4) ?? 0) * SECOND;
}
