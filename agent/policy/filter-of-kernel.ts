/** The packet filter of this host's kernel, as enforcing policies needs it. */

import { cutForbidden } from "../../lib/filter/cluster-connections.ts";
import { addPending, listPending } from "../../lib/filter/cluster-pending.ts";
import {
  applyChanges,
  concernedAddresses,
  replaceRuleset,
} from "../../lib/filter/cluster-policy.ts";
import { findGeneration } from "../../lib/filter/nft-transaction.ts";
import type { Netns } from "../../lib/net/netns.ts";
import type { PolicyFilter } from "./enforcer.ts";

/** The tables of a namespace. */
export function filterOfKernel(ns: Netns): PolicyFilter {
  return {
    replace: (ruleset, settled) => replaceRuleset(ns, ruleset, settled),
    apply: (changes, settled) => applyChanges(ns, changes, settled),
    cut: (known, changes) => void cutForbidden(ns, known, ...changes),
    concerned: concernedAddresses,
    isolate: (addresses) => addPending(ns, addresses),
    isolated: () => listPending(ns),
    generation: () => findGeneration(ns),
  };
}
