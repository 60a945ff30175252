/** The address and routes of a lease at the container's link, when it was lost and had again. */

import { applyLease } from "../../lib/attach/lease.ts";
import { toLease } from "../../lib/cni/ipam.ts";
import type { LeaseResult } from "../../lib/dhcp/lease.ts";
import { EEXIST } from "../../lib/host/errno.ts";
import { Failure } from "../../lib/host/failure.ts";
import { parseCidr } from "../../lib/ip/cidr.ts";
import { deleteAddressIfPresent } from "../../lib/net/address.ts";
import { findLink, type Link } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { type Place, withPlace } from "./place.ts";

/** Takes an address, with its prefix length, from the link, and its routes with it. */
export function takeAway(place: Place, address: string): void {
  const cidr = parseCidr(address);
  atLink(place, (ns, link) => cidr && deleteAddressIfPresent(ns, link, cidr));
}

/** Gives the link what a result says, unless it has it. */
export function putBack(place: Place, result: LeaseResult): void {
  atLink(place, (ns, link) => {
    try {
      applyLease(ns, link, { lease: toLease(result) });
    } catch (cause) {
      if (!(cause instanceof Failure) || cause.errno !== EEXIST) throw cause;
    }
  });
}

function atLink(place: Place, body: (ns: Netns, link: Link) => void): void {
  withPlace(place, (ns) => {
    const link = findLink(ns, place.index);
    if (link) body(ns, link);
  });
}
