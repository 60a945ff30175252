/** All that is an attachment's in nf_tables: the guard of the loopback is everybody's, and not here. */

import type { Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import { forwardingShelves } from "./forward.ts";
import { hostPortShelf } from "./hostports.ts";
import { masqueradeShelf } from "./masquerade.ts";
import { policyShelf } from "./policy.ts";
import { frameShelf } from "./policy-frames.ts";
import { spoofCheckShelf } from "./spoofcheck.ts";

/** The kinds of elements that name their owner, in a host's namespace. */
export function nftablesShelves(host: Netns): readonly Shelf[] {
  return [
    masqueradeShelf(host),
    ...forwardingShelves(host),
    hostPortShelf(host),
    spoofCheckShelf(host),
    policyShelf(host),
    frameShelf(host),
  ];
}
