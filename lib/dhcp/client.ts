/**
 * The client's side of one lease (RFC 2131, 4.4), without socket or clock: events go in, what is to
 * be done comes out.
 *
 *   const client = new Client(settings, random);
 *   perform(client.handle({ kind: "start" }, now));
 *   …                                        a frame, or the time `client.wakeAt` has come
 *   perform(client.handle({ kind: "frame", frame }, now));
 *
 * `now` is in milliseconds of a clock that only goes forward, also while the machine sleeps
 * (CLOCK_BOOTTIME): steps of the wall clock change nothing.
 */

import type { Mac } from "../ip/mac.ts";
import type { Lease } from "./lease.ts";
import type { Options } from "./options.ts";
import type { Timing } from "./timing.ts";

/** What a client is to ask for, and how. */
export interface ClientSettings {
  /** The link's hardware address. */
  readonly mac: Mac;
  /** Options of every message: client identifier, host name … (`optionsToSend` of the plugin). */
  readonly provide: Options;
  /** The parameter request list. */
  readonly request: readonly number[];
  /** True to ask for answers by broadcast (the BROADCAST flag). */
  readonly broadcast: boolean;
  /** True to probe an address before it is used (RFC 5227), which takes 5 to 9 seconds. */
  readonly detectsConflicts: boolean;
  readonly timing: Timing;
}

/** What happens to a client. */
export type ClientEvent =
  /** There is no lease: look for one. */
  | { readonly kind: "start" }
  /** There is a lease from before a restart: ask whether it still stands (INIT-REBOOT). */
  | { readonly kind: "restore"; readonly lease: Lease }
  /** An Ethernet frame came, whatever it may be. */
  | { readonly kind: "frame"; readonly frame: Uint8Array }
  /** `wakeAt` has come; earlier, it does nothing. */
  | { readonly kind: "time" }
  /** The link went down, or up, possibly with another hardware address. */
  | { readonly kind: "link"; readonly isUp: boolean; readonly mac?: Mac }
  /** Somebody else uses the address: it is declined, and another one looked for. */
  | { readonly kind: "conflict" }
  /** The address is given back; the client is over. */
  | { readonly kind: "release" };

/** What is to be done. */
export type ClientAction =
  /** A whole Ethernet frame, DHCP or ARP. */
  | { readonly kind: "send"; readonly frame: Uint8Array }
  /** There is a lease where there was none. */
  | { readonly kind: "bound"; readonly lease: Lease }
  /** The lease goes on; `isChanged` if its result is another one than before. */
  | { readonly kind: "renewed"; readonly lease: Lease; readonly isChanged: boolean }
  /** The lease is over, its address must not be used any more; the client looks for another. */
  | { readonly kind: "lost"; readonly lease: Lease; readonly reason: string }
  /** The first lease was not had within the time limit; the client is over. */
  | { readonly kind: "failed"; readonly reason: string }
  /** What came and was not heeded, for a log. */
  | { readonly kind: "ignored"; readonly reason: string };

/** RFC 2131's states; `probing` is between ACK and use, `over` after a release or failure. */
export type ClientState =
  | "idle"
  | "selecting"
  | "requesting"
  | "probing"
  | "bound"
  | "renewing"
  | "rebinding"
  | "rebooting"
  | "over";

/** One lease's client. */
export class Client {
  /** `random` gives numbers from 0 up to, but not including, 1. */
  constructor(_settings: ClientSettings, _random: () => number) {}

  /** What is to be done about an event, in this order. Never throws, whatever a frame says. */
  handle(_event: ClientEvent, _now: number): readonly ClientAction[] {
    throw new Error("to be written");
  }

  get state(): ClientState {
    throw new Error("to be written");
  }

  /** The lease that may be used now. */
  get lease(): Lease | undefined {
    throw new Error("to be written");
  }

  /** When to call with "time" at the latest; Infinity if only another event changes anything. */
  get wakeAt(): number {
    throw new Error("to be written");
  }

  /** Which frames matter now: with none of both a socket may be closed. */
  get listensTo(): { readonly dhcp: boolean; readonly arp: boolean } {
    throw new Error("to be written");
  }
}
