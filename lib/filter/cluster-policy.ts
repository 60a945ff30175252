/**
 * Network policies of a cluster on this host: the table `inet weft-cluster`, kept as a ruleset says.
 * Each change is one transaction: it is made, or nothing is and the refusal is thrown.
 */

import type { IpAddress } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";
import type { KnownRuleset, Ruleset, RulesetChanges } from "./ruleset.ts";

/**
 * Makes the table right, whatever is there: what is as it should be stays untouched. Addresses that
 * are pending stay so, but for those that the ruleset or `settled` names.
 */
export declare function replaceRuleset(
  host: Netns,
  ruleset: Ruleset,
  settled?: readonly IpAddress[],
): void;

/**
 * Makes changes of a table that `replaceRuleset` has made, and ends that `settled` addresses are
 * pending, in one step. Throws NetlinkError if the kernel refuses it, as where others have changed the
 * table: replace it then.
 */
export declare function applyChanges(
  host: Netns,
  changes: RulesetChanges,
  settled?: readonly IpAddress[],
): void;

/** Lets nothing through from or to these addresses until they are settled; some may be so already. */
export declare function addPending(host: Netns, addresses: readonly IpAddress[]): void;

/** Ends that; none is fine, and no table as well. */
export declare function deletePending(host: Netns, addresses: readonly IpAddress[]): void;

/** The addresses that are pending, as text. */
export declare function listPending(host: Netns): ReadonlySet<string>;

/**
 * Cuts tracked connections that are forbidden now, of those that a change concerns, and returns how
 * many these were. The host, and a pod with itself, are let through.
 */
export declare function cutForbidden(
  host: Netns,
  known: KnownRuleset,
  changes: RulesetChanges,
): number;

/** Whose rules a change concerns: the addresses to be made pending if it cannot be made. */
export declare function concernedAddresses(
  ruleset: Ruleset,
  changes: RulesetChanges,
): readonly IpAddress[];

/** What was dropped of an isolated address, in a direction. */
export interface Drops {
  readonly address: IpAddress;
  readonly direction: "ingress" | "egress";
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** What was dropped of each isolated address since it is isolated; none without the table. */
export declare function readDrops(host: Netns): readonly Drops[];

/** Takes the whole table away; false if there is none. */
export declare function removeAll(host: Netns): boolean;
