/** The interfaces of a namespace as others know them: by name, MAC and addresses. */

import { formatAddress } from "../ip/address.ts";
import { formatMac } from "../ip/mac.ts";
import { addressMessage, listAllAddresses } from "../netlink/address.ts";
import { ifFew } from "./few.ts";
import { grouped } from "./grouped.ts";
import { listLinks } from "./link.ts";
import type { Netns } from "./netns.ts";

export interface Interface {
  readonly name: string;
  readonly mac: string;
  /** Of both families, without lengths. */
  readonly addresses: readonly string[];
}

/** All interfaces; none, or none of their addresses, where a container has too many of them. */
export function interfacesOf(ns: Netns): readonly Interface[] {
  const addresses = ifFew(() => ns.route.dump(listAllAddresses(), addressMessage));
  const byLink = grouped(addresses, ({ header }) => header.index);
  return ifFew(() => listLinks(ns)).map(({ index, name, mac }) => {
    const own = (byLink.get(index) ?? []).flatMap(
      ({ attributes: { local, address } }) => local ?? address ?? [],
    );
    return { name, mac: formatMac(mac), addresses: own.map(formatAddress) };
  });
}
