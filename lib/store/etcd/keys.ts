/** The names of hosts in etcd: `10.5.34.0-24`, with IPv6 `10.5.34.0-24&fc00:0:0:1::-64`. */

import { formatAddress, parseAddress } from "../../ip/address.ts";
import { type Cidr, networkOf } from "../../ip/cidr.ts";

/** The name of a host with these subnets; the first is IPv4. */
export function formatName(subnets: readonly Cidr[]): string {
  return subnets
    .map(({ address, prefixLength }) => `${formatAddress(address)}-${prefixLength}`)
    .join("&");
}

/** The subnets that a name says, IPv4 first; undefined if it is none of flannel's. */
export function parseName(name: string): readonly Cidr[] | undefined {
  const parts = /^([\d.]+)-(\d{1,2})(?:&([a-f\d:]+)-(\d{1,3}))?$/.exec(name);
  if (!parts) return undefined;
  const [, address = "", length = "", address6, length6 = ""] = parts;
  const subnet = subnetOf(address, Number(length), 31);
  if (!subnet || address6 === undefined) return subnet && [subnet];
  const subnet6 = subnetOf(address6, Number(length6), 127);
  return subnet6 && [subnet, subnet6];
}

function subnetOf(text: string, prefixLength: number, longest: number): Cidr | undefined {
  const address = parseAddress(text);
  if (address === undefined || prefixLength > longest) return undefined;
  return networkOf({ address, prefixLength });
}
