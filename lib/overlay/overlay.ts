/** What is shared by all that is done to an overlay: its device, where it leads, and who is told. */

import type { Family } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import type { LinkRef } from "../net/link.ts";
import type { SentEntries } from "./own-events.ts";
import type { PeerList } from "./peers.ts";

/** The device, the link that direct routes go by, and where they are to lead. */
export interface Overlay {
  /** Undefined where all hosts are reached directly. */
  readonly device: LinkRef | undefined;
  readonly uplink: LinkRef;
  /** What the device is there for: direct routes to anywhere else are another's. */
  readonly networks: readonly Cidr[];
  readonly peers: PeerList;
  /** True if what is there may be newer than the peers: then only what is missing is set. */
  readonly addsOnly?: boolean | undefined;
  /** Told after each datagram which entries it has set or taken away, by their keys. */
  readonly sent?: ((entries: SentEntries) => void) | undefined;
}

/** A device, by what its datagrams bear, and who may send them. */
export interface Guarded {
  readonly device: string;
  readonly port: number;
  readonly vni: number;
  /** Of this host's address, and so of all others'. */
  readonly family: Family;
  readonly uplink: LinkRef;
  readonly peers: PeerList;
}

/** Told each change in words; nothing is put into words if nobody listens. */
export type Tell = ((what: string) => void) | undefined;
