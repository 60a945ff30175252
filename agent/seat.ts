/** Where this host is on the network that carries the packets: its link, and its addresses there. */

import { CniError, Code } from "../lib/cni/error.ts";
import { equalAddresses, family, type IpAddress } from "../lib/ip/address.ts";
import { findLink, type Link } from "../lib/net/link.ts";
import type { Netns } from "../lib/net/netns.ts";
import { findDefaultUplink, linkSubnets } from "../lib/net/uplink.ts";
import type { NetworkConfig } from "../lib/store/network.ts";
import type { Hints } from "../lib/store/store.ts";
import type { AgentOptions } from "./options.ts";
import type { Seat } from "./plan.ts";

/** Finds it anew; throws CniError, code 50, if there is no link, or it lacks an address. */
export function findSeat(
  host: Netns,
  options: Pick<AgentOptions, "uplink" | "publicIP" | "publicIPv6">,
  { network, hints }: { readonly network: NetworkConfig; readonly hints: Hints },
): Seat {
  const [name] = options.uplink.links;
  const link = name === undefined ? findDefaultUplink(host) : findLink(host, name);
  if (!link) throw missing(name === undefined ? "no default route" : `no link "${name}"`);
  const wanted = [hints.publicIP ?? options.publicIP, hints.publicIPv6 ?? options.publicIPv6];
  const found = linkSubnets(host, link).map(({ address }) => address);
  const addresses = network.families.map(({ network: { address } }) => {
    const number = family(address);
    const told = wanted[number === 4 ? 0 : 1];
    const own = told && found.find((each) => equalAddresses(each, told));
    const local = own ?? found.find((each) => family(each) === number);
    if (!local) throw missing(`no IPv${number} address others can reach on "${link.name}"`);
    return { local, told };
  });
  return seatOn(link, addresses);
}

interface Address {
  readonly local: IpAddress;
  readonly told: IpAddress | undefined;
}

function seatOn(link: Link, addresses: readonly Address[]): Seat {
  const published = addresses.flatMap(({ local, told }) =>
    told && !equalAddresses(local, told) ? [told] : [],
  );
  return {
    uplink: link.name,
    uplinkMtu: link.mtu,
    addresses: addresses.map(({ local }) => local),
    published,
  };
}

function missing(state: string): CniError {
  return new CniError(Code.notAvailable, `Cannot find this host's address: there is ${state}`);
}
