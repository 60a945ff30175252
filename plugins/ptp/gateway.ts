/** The gateways of a lease: addresses of the host's end of the pair, by which the container sends. */

import { CniError, Code } from "../../lib/cni/error.ts";
import type { Lease } from "../../lib/cni/ipam.ts";
import { equalAddresses, type IpAddress, nextAddress } from "../../lib/ip/address.ts";
import { type Cidr, containsAddress, formatCidr, networkOf } from "../../lib/ip/cidr.ts";
import type { GatedIp } from "../../lib/net/point-to-point.ts";

/** A lease whose addresses all have a gateway. */
export interface GatedLease extends Lease {
  readonly ips: readonly GatedIp[];
}

/**
 * The lease as ptp serves it. An address without a gateway gets that of another of its family, else
 * the first of its subnet, as with the bridge plugin; if that is no other address, it is refused.
 */
export function withGateways(lease: Lease, ipamType: string): GatedLease {
  const ips = lease.ips.map(({ cidr, gateway }) => {
    const found = gateway ?? gatewayOfFamily(lease, cidr) ?? firstOf(cidr);
    if (found) return { cidr, gateway: found };
    const what = `Cannot use the result of IPAM plugin "${ipamType}"`;
    const state = `address ${formatCidr(cidr)} has no gateway, which ptp makes an address of the host`;
    throw new CniError(Code.delegate, `${what}: ${state}`);
  });
  return { ...lease, ips };
}

function gatewayOfFamily({ ips }: Lease, { address }: Cidr): IpAddress | undefined {
  return ips.find(({ gateway }) => gateway?.length === address.length)?.gateway;
}

function firstOf(cidr: Cidr): IpAddress | undefined {
  const network = networkOf(cidr);
  const first = nextAddress(network.address);
  const isOther = containsAddress(network, first) && !equalAddresses(first, cidr.address);
  return isOther ? first : undefined;
}
