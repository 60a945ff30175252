/** What goes into a client, and what comes out of it. */

import type { Mac } from "../ip/mac.ts";
import type { Lease } from "./lease.ts";
import type { Options } from "./options.ts";
import type { Timing } from "./timing.ts";

/** What a client is to ask for, and how. */
export interface ClientSettings {
  /** The link's hardware address. */
  readonly mac: Mac;
  /** Options of every question: client identifier, host name … (`optionsToSend` of the plugin). */
  readonly provide: Options;
  /** The parameter request list. */
  readonly request: readonly number[];
  /** True to ask for answers by broadcast (the BROADCAST flag). */
  readonly broadcast: boolean;
  /** True to probe an address before it is used (RFC 5227), which takes 4 to 7 seconds. */
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
  /** What came and was not heeded, for a log; hostile neighbours can cause any number of these. */
  | { readonly kind: "ignored"; readonly reason: string };

/**
 * RFC 2131's states, figure 5: `idle` is INIT before the start, and while nothing is done after a
 * refusal; `probing` is between the ACK and use; `over` is after a release or failure.
 */
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
