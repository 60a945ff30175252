/**
 * How the network is made on this host: one JSON object, of which everything here is made, and which
 * a next agent finds. It is a configuration of the plugin vxlan-overlay with a few keys more.
 */

import type { Json, JsonObject } from "../lib/cni/json.ts";
import { type Family, family, formatAddress, type IpAddress } from "../lib/ip/address.ts";
import { type Cidr, formatCidr, overlapCidrs } from "../lib/ip/cidr.ts";
import { formatMac, type Mac } from "../lib/ip/mac.ts";
import { parseSubnets } from "../lib/overlay/contract/values.ts";
import type { Backend, NetworkConfig, VxlanBackend } from "../lib/store/network.ts";

/** How this host takes part. */
export type Plan = JsonObject;

/** Where this host is on the network that carries the packets. */
export interface Seat {
  /** Name and MTU of the link by which others are reached. */
  readonly uplink: string;
  readonly uplinkMtu: number;
  /** The addresses of this host on it, one of each family of the network, in the same order. */
  readonly addresses: readonly IpAddress[];
  /** Addresses under which others are told of it besides these. */
  readonly published: readonly IpAddress[];
}

/** What an outer packet adds: Ethernet, IPv4 or IPv6, UDP and VXLAN headers. */
const OVERHEAD: Readonly<Record<Family, number>> = { 4: 50, 6: 70 };

/** The plan for a host that has no subnets yet; `macs` are of its devices. */
export function planOf(
  name: string,
  network: NetworkConfig,
  { seat, macs }: { readonly seat: Seat; readonly macs: readonly Mac[] },
): Plan {
  const { backend, families, usesNftables } = network;
  const [first, second] = seat.addresses.map(formatAddress);
  const [mac, macV6] = macs.map(formatMac);
  return {
    name,
    backend: backend.type,
    network: families.map((each) => formatCidr(each.network)),
    uplink: seat.uplink,
    published: seat.published.map(formatAddress),
    usesNftables,
    ...given({ publicIP: first, publicIPv6: second, vtepMAC: mac, vtepMACv6: macV6 }),
    ...(backend.type === "vxlan" ? vxlanPlan(backend, seat) : {}),
  };
}

function vxlanPlan(backend: VxlanBackend, { addresses, uplinkMtu }: Seat): JsonObject {
  const { vni, port, directRouting, mtu = uplinkMtu } = backend;
  const [device, deviceV6] = deviceNames(backend, addresses.map(family));
  const overhead = Math.max(...addresses.map((address) => OVERHEAD[family(address)]));
  const size = mtu < uplinkMtu ? mtu - overhead : undefined;
  return { vni, port, directRouting, ...given({ device, deviceV6, mtu: size }) };
}

/** Without what is undefined. */
function given(values: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** flannel's names of the devices, one for each family; none where packets are not wrapped. */
export function deviceNames(backend: Backend, families: readonly Family[]): readonly string[] {
  if (backend.type !== "vxlan") return [];
  const { vni } = backend;
  return families.map((each) => (each === 4 ? `flannel.${vni}` : `flannel-v6.${vni}`));
}

/** The plan for a host that has these subnets. */
export function withSubnets(plan: Plan, subnets: readonly Cidr[]): Plan {
  return { ...plan, subnet: subnets.map(formatCidr) };
}

/** The network, and the part of it that is this host's; throws ContractError if they are none. */
export function subnetsOf(plan: Plan): Record<"networks" | "subnets", readonly Cidr[]> {
  return {
    networks: parseSubnets(plan.network, "network"),
    subnets: parseSubnets(plan.subnet, "subnet"),
  };
}

/** What node.json says of a host with this plan. */
export function nodeOf(plan: Plan): JsonObject {
  const { subnet, publicIP, vtepMAC, publicIPv6, vtepMACv6 } = plan;
  return given({ subnet, publicIP, vtepMAC, publicIPv6, vtepMACv6 });
}

/** True if each subnet is within the network: it may have become another. */
export function areWithin(subnets: readonly Cidr[], { families }: NetworkConfig): boolean {
  return (
    subnets.length === families.length &&
    subnets.every((subnet) => families.some(({ network }) => overlapCidrs(network, subnet)))
  );
}
