/** A lease as JSON, to survive a restart of who keeps it. */

import type { Lease } from "./lease.ts";

/**
 * The record of a lease; `boot` is the machine's boot ID, since the times are of a clock that
 * begins anew with each boot.
 */
export function leaseRecord(_lease: Lease, _boot: string): { readonly [key: string]: unknown } {
  throw new Error("to be written");
}

/** The lease of a record; undefined if it is none, is damaged, or is of another boot. */
export function readLeaseRecord(_record: unknown, _boot: string): Lease | undefined {
  throw new Error("to be written");
}
