/** Gateway addresses on a link of the host, and forwarding. */

import { EACCES, EAFNOSUPPORT, EEXIST, EINVAL, ENOBUFS, EOPNOTSUPP } from "../host/errno.ts";
import { lazily } from "../host/lazy.ts";
import { equalAddresses, family, type IpAddress } from "../ip/address.ts";
import { type Cidr, containsAddress, formatCidr, overlapCidrs } from "../ip/cidr.ts";
import { IFA_F_NODAD, newAddress } from "../netlink/address.ts";
import { isRefusal, type NetlinkError } from "../netlink/error.ts";
import { deleteAddressIfPresent, listAddresses } from "./address.ts";
import { NetError } from "./error.ts";
import type { LinkRef } from "./link.ts";
import type { Netns } from "./netns.ts";
import { ensureSysctl, findSysctl } from "./sysctl.ts";

/**
 * The link has these gateway addresses afterwards. One link may serve several subnets; an address
 * of the same subnet is a conflict, which `force` resolves by deleting the other. True if one was
 * added.
 */
export function ensureGateways(
  ns: Netns,
  link: LinkRef,
  { gateways, force }: { readonly gateways: readonly Cidr[]; readonly force: boolean },
): boolean {
  if (gateways.length === 0) return false;
  let isAdded = false;
  const existing = listAddresses(ns, link).map(({ cidr }) => cidr);
  for (const wanted of gateways) {
    if (existing.some((cidr) => isSame(cidr, wanted))) continue;
    for (const other of existing.filter((cidr) => isConflict(cidr, wanted))) {
      if (!force) throw addressConflict(link.name, other, wanted);
      deleteAddressIfPresent(ns, link, other);
    }
    isAdded = addGateway(ns, link, wanted) || isAdded;
  }
  return isAdded;
}

function addressConflict(link: string, existing: Cidr, wanted: Cidr): NetError {
  return new NetError(
    "conflict",
    `Cannot add gateway ${formatCidr(wanted)}: "${link}" already has an IP address different from it in the same subnet, ${formatCidr(existing)}`,
  );
}

function isSame(a: Cidr, b: Cidr): boolean {
  return a.prefixLength === b.prefixLength && equalAddresses(a.address, b.address);
}

/** Link-local IPv6 addresses are the link's own and conflict with nothing. */
function isConflict(existing: Cidr, wanted: Cidr): boolean {
  if (existing.address.length !== wanted.address.length) return false;
  const linkLocal = { address: Uint8Array.of(0xfe, 0x80, ...new Uint8Array(14)), prefixLength: 10 };
  if (family(existing.address) === 6 && containsAddress(linkLocal, existing.address)) return false;
  return overlapCidrs(existing, wanted);
}

/**
 * Duplicate address detection would keep a gateway unusable while the bridge has no port. False
 * if somebody else has added it meanwhile.
 */
function addGateway(ns: Netns, link: LinkRef, gateway: Cidr): boolean {
  const flags = family(gateway.address) === 6 ? IFA_F_NODAD : 0;
  const explain = explainAddress(ns, link, gateway);
  try {
    ns.route.perform({ ...newAddress(link, gateway, flags), explain });
    return true;
  } catch (cause) {
    if (isRefusal(cause, EEXIST)) return false;
    throw cause;
  }
}

/** What the kernel says, without a word more, to an IPv6 address for a link that has no IPv6. */
const noIpv6 = [EACCES, EINVAL, ENOBUFS, EOPNOTSUPP, EAFNOSUPPORT];

/** What explains the refusal of an address, where a reason can be seen. */
export function explainAddress(
  ns: Netns,
  link: LinkRef,
  { address }: Cidr,
): (refusal: NetlinkError) => Error {
  return (refusal) => {
    if (family(address) === 4 || !isRefusal(refusal, ...noIpv6)) return refusal;
    const { findIpv6Fault } = lazily<typeof import("./ipv6-fault.lazy.ts")>("ipv6-fault");
    const fault = findIpv6Fault(ns, link);
    if (fault === undefined) return refusal;
    return new NetError("unsupported", `Cannot ${refusal.what}: ${fault}`);
  };
}

/** The sysctls that forward packets, of the families that addresses have. */
function forwardingSysctls(addresses: readonly IpAddress[]): readonly string[] {
  const families = new Set(addresses.map(family));
  const sysctls = { 4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding" };
  return ([4, 6] as const).flatMap((each) => (families.has(each) ? [sysctls[each]] : []));
}

/** Packets of the addresses' families are forwarded afterwards. */
export function ensureForwarding(ns: Netns, addresses: readonly IpAddress[]): void {
  for (const sysctl of forwardingSysctls(addresses)) ensureSysctl(ns, sysctl, "1");
}

/** Why packets of one of the addresses' families are not forwarded, in words. */
export function findForwardingFault(
  ns: Netns,
  addresses: readonly IpAddress[],
): string | undefined {
  const off = forwardingSysctls(addresses).find((sysctl) => findSysctl(ns, sysctl) !== "1");
  return off && `sysctl net/${off} should be 1`;
}
