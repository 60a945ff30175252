/** Direct routes that a network had here before it became another one. */

import { type Cidr, containsAddress } from "../ip/cidr.ts";
import type { LinkRef } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { sendDifference } from "./entries.ts";
import { entryOf, type Key } from "./entry-key.ts";
import { foundEntries } from "./found-entries.ts";
import type { Tell } from "./overlay.ts";
import { PeerList } from "./peers.ts";

/** Where the network was, and what of that is its own still. */
export interface FormerRoutes {
  readonly uplink: LinkRef;
  readonly networks: readonly Cidr[];
  readonly current: readonly Cidr[];
}

/** Takes the routes by a link to what the network was, but not to what it is; others' stay. */
export function removeFormerRoutes(
  ns: Netns,
  { uplink, networks, current }: FormerRoutes,
  tell: Tell,
): void {
  const overlay = { device: undefined, uplink, networks, peers: new PeerList() };
  const stale = foundEntries(ns, overlay).filter((key) => !leadsInto(current, key));
  sendDifference(ns, overlay, { wanted: [], stale, tell });
}

function leadsInto(networks: readonly Cidr[], key: Key): boolean {
  const entry = entryOf(key);
  if (entry.kind !== "route") return false;
  return networks.some((each) => containsAddress(each, entry.destination.address));
}
