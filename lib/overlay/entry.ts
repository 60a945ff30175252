/**
 * What leads to another host: a route to each of its subnets by the device, a neighbour for the
 * gateway that the route names, and an fdb entry that says which host has that MAC.
 *
 *   10.244.2.0/24 via 10.244.2.0 dev weft.1 onlink      route
 *   10.244.2.0    lladdr 02:ab:...  permanent           neighbour
 *   02:ab:...     dst 192.0.2.2     permanent           fdb entry
 *
 * A packet needs nothing else. A host that is reached directly needs the route only.
 */

import { formatAddress, type IpAddress } from "../ip/address.ts";
import { type Cidr, firstAddress, formatCidr } from "../ip/cidr.ts";
import { formatMac } from "../ip/mac.ts";
import type { Pair } from "../netlink/neighbour.ts";
import type { Peer } from "./peers.ts";

/** A route to a subnet of a peer. */
export interface RouteEntry {
  readonly kind: "route";
  readonly destination: Cidr;
  readonly gateway: IpAddress;
  /** By the uplink rather than the device. */
  readonly isDirect: boolean;
}

/** A MAC, and the address that has it (neighbour) or of the host that has it (fdb entry). */
export interface PairEntry extends Pair {
  readonly kind: "neighbour" | "fdb";
}

/** One of the entries that lead to a peer. */
export type Entry = RouteEntry | PairEntry;

/** In the order in which a packet can do without those that are not set yet: the route is last. */
export function entriesOf({ subnets, publicIP, mac, isDirect }: Peer): readonly Entry[] {
  const isUnwrapped = ({ address }: Cidr) => isDirect && address.length === publicIP.length;
  const routes = subnets.map((destination): Entry => {
    const isRouted = isUnwrapped(destination);
    const gateway = isRouted ? publicIP : firstAddress(destination);
    return { kind: "route", destination, gateway, isDirect: isRouted };
  });
  const wrapped = subnets.filter((subnet) => !isUnwrapped(subnet));
  if (wrapped.length === 0) return routes;
  const neighbours = wrapped.map(
    (subnet): Entry => ({ kind: "neighbour", address: firstAddress(subnet), mac }),
  );
  return [{ kind: "fdb", address: publicIP, mac }, ...neighbours, ...routes];
}

/** An entry as people know it from `ip` and `bridge`. */
export function entryInWords(entry: Entry): string {
  if (entry.kind === "route") {
    return `route ${formatCidr(entry.destination)} via ${formatAddress(entry.gateway)}`;
  }
  const [address, mac] = [formatAddress(entry.address), formatMac(entry.mac)];
  return entry.kind === "neighbour" ? `neighbour ${address} ${mac}` : `fdb entry ${mac} ${address}`;
}
