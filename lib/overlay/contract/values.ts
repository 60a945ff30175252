/**
 * The values that tell of a host, in the configuration and in both files: its subnets, and for each
 * of its devices an address and a hardware address. Each throws ValueError with the path it was
 * found under.
 */

import { type IpAddress, isGlobalUnicast, parseAddress } from "../../ip/address.ts";
import { type Cidr, formatCidr, hasHostBits, overlapCidrs, parseCidr } from "../../ip/cidr.ts";
import { isMulticastMac, isZeroMac, type Mac, parseMac } from "../../ip/mac.ts";
import { ValueError } from "./error.ts";

const FIRST_KEYS = { publicIP: "publicIP", vtepMAC: "vtepMAC" } as const;
const SECOND_KEYS = { publicIP: "publicIPv6", vtepMAC: "vtepMACv6" } as const;

/** The keys of an end of a host: 0 is the only or first device, 1 the one for IPv6. */
export function keysOfEnd(end: number): typeof FIRST_KEYS | typeof SECOND_KEYS {
  return end === 0 ? FIRST_KEYS : SECOND_KEYS;
}

/** One subnet as text, or a list with one of each family; none if there is no value. */
export function parseSubnets(value: unknown, path: string): Cidr[] {
  if (value === undefined) return [];
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  const subnets = texts.map((text) => parseSubnet(text, path));
  const families = new Set(subnets.map(({ address }) => address.length));
  if (families.size === subnets.length) return subnets;
  throw new ValueError(path, "one subnet of each family at most", value);
}

function parseSubnet(text: unknown, path: string): Cidr {
  const subnet = typeof text === "string" ? parseCidr(text) : undefined;
  if (subnet && !hasHostBits(subnet)) return subnet;
  throw new ValueError(path, "a subnet like 10.244.0.0/16", text);
}

/** A host has one subnet of each family of the network, within it: throws ValueError otherwise. */
export function requireWithin(
  networks: readonly Cidr[],
  subnets: readonly Cidr[],
  path: string,
): void {
  for (const subnet of subnets) {
    const network = networks.find(({ address }) => address.length === subnet.address.length);
    const isInside =
      network && subnet.prefixLength >= network.prefixLength && overlapCidrs(network, subnet);
    if (!isInside) throw new ValueError(path, "within the network", formatCidr(subnet));
  }
  for (const network of networks) {
    if (subnets.some(({ address }) => address.length === network.address.length)) continue;
    throw new ValueError(path, `given for ${formatCidr(network)} too`, subnets.map(formatCidr));
  }
}

/** An address under which other hosts can reach a host; undefined if there is no value. */
export function parsePublicIP(value: unknown, path: string): IpAddress | undefined {
  if (value === undefined) return undefined;
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  if (address && isGlobalUnicast(address)) return address;
  throw new ValueError(path, "the IP address of a host", value);
}

/** The hardware address of a vxlan device; undefined if there is no value. */
export function parseVtepMac(value: unknown, path: string): Mac | undefined {
  if (value === undefined) return undefined;
  const mac = typeof value === "string" ? parseMac(value) : undefined;
  if (mac?.length === 6 && !isMulticastMac(mac) && !isZeroMac(mac)) return mac;
  throw new ValueError(path, "the hardware address of a device", value);
}
