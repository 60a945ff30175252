/** Ending that network policies are enforced: for an agent that is not to, and one that is taken away. */

import { removeAll } from "../../lib/filter/cluster-pending.ts";
import { deleteFileIfPresent } from "../../lib/host/file.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { attachSocketOf } from "../../lib/state/pod-agent.ts";

/** Takes the rules away if an agent of this network has made them, which its socket tells. */
export function endEnforcing(ns: Netns, network: string, tell: (what: string) => void): void {
  if (!deleteFileIfPresent(attachSocketOf(network))) return;
  for (const table of removeAll(ns)) {
    tell(`delete table "${table}": network policies are not enforced`);
  }
}
