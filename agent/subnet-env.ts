/** subnet.env: what flannel's plugin reads of this host and its network, in flannel's format. */

import { formatAddress, nextAddress } from "../lib/ip/address.ts";
import { type Cidr, firstAddress, formatCidr, networkOf, parseCidr } from "../lib/ip/cidr.ts";

/** What the file says. */
export interface SubnetEnv {
  /** IPv4 first; for each network the subnet of this host, in the same order. */
  readonly networks: readonly Cidr[];
  readonly subnets: readonly Cidr[];
  readonly mtu: number;
  readonly isMasqueraded: boolean;
}

/** The text of the file, as flannel writes it: a subnet by its second address, the bridge's. */
export function formatSubnetEnv({ networks, subnets, mtu, isMasqueraded }: SubnetEnv): string {
  const lines = networks.flatMap((network) => {
    const isIpv4 = network.address.length === 4;
    const subnet = subnets.find(({ address }) => address.length === network.address.length);
    const name = isIpv4 ? "FLANNEL" : "FLANNEL_IPV6";
    return [
      `${name}_NETWORK=${formatCidr(network)}`,
      ...(subnet ? [`${name}_SUBNET=${gatewayIn(subnet)}`] : []),
    ];
  });
  return [...lines, `FLANNEL_MTU=${mtu}`, `FLANNEL_IPMASQ=${isMasqueraded}`, ""].join("\n");
}

function gatewayIn(subnet: Cidr): string {
  return `${formatAddress(nextAddress(firstAddress(subnet)))}/${subnet.prefixLength}`;
}

const SUBNET = /^FLANNEL(?:_IPV6)?_SUBNET=(.*)$/gm;

/** The subnets that a file names, whoever wrote it. */
export function subnetsIn(text: string): readonly Cidr[] {
  return Array.from(text.matchAll(SUBNET), ([, value = ""]) => parseCidr(value)).flatMap((cidr) =>
    cidr ? [networkOf(cidr)] : [],
  );
}
