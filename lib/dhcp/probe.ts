/**
 * Probing an address before it is used (RFC 5227, 2.1):
 *
 *   0 to 1 s, probe, 1 to 2 s, probe, 1 to 2 s, probe, 2 s
 *
 * To announce it then is for who gives it to the link.
 */

import type { Mac } from "../ip/mac.ts";
import { probeFrame, rivalIn } from "./arp.ts";
import type { Lease } from "./lease.ts";
import type { Random } from "./timing.ts";

const PROBE_WAIT = 1_000;
const PROBES = 3;
const PROBE_MIN = 1_000;
const PROBE_MAX = 2_000;
const ANNOUNCE_WAIT = 2_000;

/** One probing of a lease's address. */
export class Probe {
  readonly lease: Lease;
  readonly #mac: Mac;
  readonly #random: Random;
  #probes = 0;

  constructor(lease: Lease, mac: Mac, random: Random) {
    this.lease = lease;
    this.#mac = mac;
    this.#random = random;
  }

  /** How long to wait before the first step, in milliseconds. */
  firstWait(): number {
    return Math.ceil((1 - this.#random()) * PROBE_WAIT);
  }

  /** The next probe, and how long to wait then; undefined if nobody has answered any. */
  step(): { readonly frame: Uint8Array; readonly wait: number } | undefined {
    if (this.#probes === PROBES) return undefined;
    this.#probes++;
    const next = PROBE_MIN + this.#random() * (PROBE_MAX - PROBE_MIN);
    const wait = this.#probes === PROBES ? ANNOUNCE_WAIT : next;
    return { frame: probeFrame(this.#mac, this.lease.address), wait };
  }

  /** Who else has the address or probes for it, as a frame says. */
  rivalIn(frame: Uint8Array): Mac | undefined {
    return rivalIn(frame, this.#mac, this.lease.address);
  }
}
