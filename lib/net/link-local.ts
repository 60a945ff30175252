/**
 * The link-local IPv6 address of a link. The kernel makes it when the link comes up, and never again
 * where somebody has flushed it; without it, it looks for no neighbour of what it forwards.
 */

import { EEXIST } from "../host/errno.ts";
import { isLinkLocal } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import type { Mac } from "../ip/mac.ts";
import { IFA_F_NODAD, newAddress } from "../netlink/address.ts";
import { listAddresses } from "./address.ts";
import type { Link } from "./link.ts";
import type { Netns } from "./netns.ts";

/** What is wrong, in words; undefined if the link has such an address, whichever. */
export function findLinkLocalFault(ns: Netns, link: Link): string | undefined {
  const addresses = listAddresses(ns, link).map(({ cidr }) => cidr.address);
  const isThere = addresses.some((address) => address.length === 16 && isLinkLocal(address));
  return isThere ? undefined : `"${link.name}" has no link-local IPv6 address`;
}

/** Gives it the one that belongs to its MAC, which nobody else can have. */
export function addLinkLocal(ns: Netns, link: Link): void {
  const request = newAddress(link, linkLocalOf(link.mac), IFA_F_NODAD);
  ns.route.perform({ ...request, tolerates: [EEXIST] });
}

/** fe80::/64 with the modified EUI-64 of a MAC (RFC 4291, appendix A). */
function linkLocalOf(mac: Mac): Cidr {
  const [first = 0, second = 0, third = 0, ...rest] = mac;
  const identifier = [first ^ 2, second, third, 0xff, 0xfe, ...rest];
  return { address: Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, ...identifier), prefixLength: 64 };
}
