/** What CHECK confirms: the reservation is there, and is the one that was reported. */

import type { CheckCall } from "../../lib/cni/call.ts";
import { rangeOf } from "../../lib/cni/range-set.ts";
import { unconfirmed } from "../../lib/cni/verdict.ts";
import { cidrsOf } from "../../lib/cni/whose.ts";
import { formatAddress, type IpAddress } from "../../lib/ip/address.ts";
import type { HostLocalConfig } from "./config.ts";
import { placeOf, reservationsOf, withExistingStore } from "./store.ts";

type Check = CheckCall<HostLocalConfig>;

const WHAT = "the reservation";

/** Throws code 104 if the attachment has no reservation, or not all that were reported. */
export function check(call: Check): void {
  const { containerID, ifName } = call.attachment;
  const reported = reportedBy(call);
  const missingIn = (held: readonly string[]) => reported.find((text) => !held.includes(text));
  const held = heldBy(call, (known) => known.length > 0 && missingIn(known) === undefined);
  if (held.length === 0) {
    const fault = `Failed to find address added by container ${containerID}`;
    throw unconfirmed(WHAT, fault, `interface "${ifName}"`);
  }
  const missing = missingIn(held);
  if (missing === undefined) return;
  const fault = `${missing} is not reserved for container ${containerID}`;
  throw unconfirmed(WHAT, `${fault}, it has ${held.join(", ")}`);
}

/** Of the addresses in the result those that may be from here: others may be another plugin's. */
function reportedBy({ prevResult = {}, config }: Check): readonly string[] {
  const isOurs = (address: IpAddress) => config.sets.some((set) => rangeOf(set, address));
  return cidrsOf(prevResult.ips ?? []).flatMap(({ address }) =>
    isOurs(address) ? [formatAddress(address)] : [],
  );
}

/** What the attachment has; unless that is right, by all records and not only by the index. */
function heldBy(call: Check, isRight: (held: readonly string[]) => boolean): readonly string[] {
  const held = withExistingStore(placeOf(call), (store) => {
    const known = reservationsOf(store, call.attachment);
    if (isRight(known)) return known;
    store.reread();
    return reservationsOf(store, call.attachment);
  });
  return held ?? [];
}
