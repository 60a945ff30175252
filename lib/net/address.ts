/** Addresses of a link: list, add, delete. */

import { EADDRNOTAVAIL } from "../host/errno.ts";
import type { IpAddress } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import * as netlink from "../netlink/address.ts";
import { isRefusal } from "../netlink/error.ts";
import { ifFew } from "./few.ts";
import type { LinkRef } from "./link.ts";
import type { Netns } from "./netns.ts";

/** An address of a link; `flags` are IFA_F_*, `scope` as in linux/rtnetlink.h. */
export interface Address {
  readonly cidr: Cidr;
  readonly flags: number;
  readonly scope: number;
}

/** The addresses of a link, both families, in the kernel's order. */
export function listAddresses(ns: Netns, link: LinkRef): Address[] {
  return ns.route
    .dump(netlink.listAddresses(link), netlink.addressMessage)
    .filter(({ header }) => header.index === link.index)
    .flatMap(({ header, attributes }) => {
      const address = attributes.local ?? attributes.address;
      if (!address) return [];
      const cidr = { address, prefixLength: header.prefixLength };
      return [{ cidr, flags: attributes.flags ?? header.flags, scope: header.scope }];
    });
}

/** The same without lengths; none where there are more than are looked at in a container. */
export function listAddressesIfFew(ns: Netns, link: LinkRef): readonly IpAddress[] {
  return ifFew(() => listAddresses(ns, link).map(({ cidr }) => cidr.address));
}

/** Deletes an address if the link has it. */
export function deleteAddressIfPresent(ns: Netns, link: LinkRef, cidr: Cidr): void {
  try {
    ns.route.perform(netlink.delAddress(link, cidr));
  } catch (cause) {
    if (!isRefusal(cause, EADDRNOTAVAIL)) throw cause;
  }
}

/** All addresses that a namespace has, of whichever link. */
export function listLocalAddresses(ns: Netns): IpAddress[] {
  return ns.route
    .dump(netlink.listAllAddresses(), netlink.addressMessage)
    .flatMap(({ attributes }) => attributes.local ?? attributes.address ?? []);
}
