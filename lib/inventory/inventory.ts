/**
 * All that an attachment or a network has on this machine, from one list for each kind of mark:
 * the very lists that GC goes by. Nothing is changed.
 */

import { iptablesShelves } from "../filter/iptables/inventory.ts";
import { nftablesShelves } from "../filter/nftables/inventory.ts";
import type { Listing } from "../net/inventory.ts";
import { linkShelf } from "../net/link-shelf.ts";
import { movedShelf } from "../net/moved.ts";
import type { Netns } from "../net/netns.ts";
import { addressListing, qdiscListing } from "../net/on-links.ts";
import type { Owner } from "../net/owner.ts";
import { overlayListings } from "../overlay/inventory.ts";
import { leaseShelf } from "../state/leases.ts";
import { podShelves } from "../state/pod-attachments.ts";
import { backupShelf, delegatedShelf } from "../state/recorded.ts";
import { type Possession, possessionsOfNetwork, possessionsOfOwner } from "./possessions.ts";

export type { Possession } from "./possessions.ts";

/** Where plugins keep files, as configurations call it `dataDir`. */
export interface Directories {
  readonly leases: readonly string[];
  readonly backups: string;
  readonly delegated: string;
  /** What the daemon of dhcp keeps of its leases. */
  readonly dhcp: string;
}

/** Where they keep them if no configuration says otherwise. */
export const usualDirectories: Directories = {
  leases: ["/var/lib/cni/networks"],
  backups: "/run/cni/tuning",
  delegated: "/var/lib/cni/flannel",
  dhcp: "/run/cni/dhcp.leases",
};

/**
 * All that a network and its attachments have on this host; throws Failure if it cannot be asked.
 * Owners that are known from elsewhere are named even where marks are hashes.
 */
export function inventoryOf(
  host: Netns,
  network: string,
  { directories = usualDirectories, known = [] }: More = {},
): readonly Possession[] {
  return possessionsOfNetwork(listings(host, directories), network, known);
}

interface More {
  readonly directories?: Directories;
  readonly known?: readonly Owner[];
}

/** All that one attachment has on this host. */
export function inventoryOfOwner(
  host: Netns,
  owner: Owner,
  directories = usualDirectories,
): readonly Possession[] {
  return possessionsOfOwner(listings(host, directories), owner);
}

function listings(host: Netns, directories: Directories): readonly Listing[] {
  return [
    linkShelf(host),
    movedShelf(host),
    addressListing(host),
    qdiscListing(host),
    ...nftablesShelves(host),
    ...iptablesShelves(host),
    ...overlayListings(host),
    ...directories.leases.map(leaseShelf),
    backupShelf(directories.backups),
    backupShelf(directories.dhcp),
    delegatedShelf(directories.delegated),
    ...podShelves(),
  ];
}
