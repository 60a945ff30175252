/** The addresses of all links at once: what only people ask for. */

import * as netlink from "../netlink/address.ts";
import type { Address } from "./address.ts";
import type { Netns } from "./netns.ts";

/** An address, and the index of the link that has it. */
export type LinkAddress = Address & { readonly link: number };

/** Every address of a namespace, of both families, in the kernel's order. */
export function listEveryAddress(ns: Netns): LinkAddress[] {
  return ns.route
    .dump(netlink.listAllAddresses(), netlink.addressMessage)
    .flatMap(({ header, attributes }) => {
      const address = attributes.local ?? attributes.address;
      if (!address) return [];
      const cidr = { address, prefixLength: header.prefixLength };
      const flags = attributes.flags ?? header.flags;
      return [{ cidr, flags, scope: header.scope, link: header.index }];
    });
}
