/** Gateway addresses on a link of the host, and forwarding. */

import { EACCES, EEXIST } from "../host/errno.ts";
import { equalAddresses } from "../ip/address.ts";
import { type Cidr, containsAddress, formatCidr, overlapCidrs } from "../ip/cidr.ts";
import { IFA_F_NODAD, newAddress } from "../netlink/address.ts";
import { isRefusal, NetlinkError } from "../netlink/error.ts";
import { deleteAddressIfPresent, listAddresses } from "./address.ts";
import { NetError } from "./error.ts";
import type { Link } from "./link.ts";
import type { Netns } from "./netns.ts";
import { ensureSysctl } from "./sysctl.ts";

/**
 * The link has these gateway addresses afterwards. One link may serve several subnets; an address
 * of the same subnet is a conflict, which `force` resolves by deleting the other. True if one was
 * added.
 */
export function ensureGateways(
  ns: Netns,
  link: Pick<Link, "index" | "name">,
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
  if (existing.address.length === 16 && containsAddress(linkLocal, existing.address)) return false;
  return overlapCidrs(existing, wanted);
}

/**
 * Duplicate address detection would keep a gateway unusable while the bridge has no port. False
 * if somebody else has added it meanwhile.
 */
function addGateway(ns: Netns, link: Pick<Link, "index" | "name">, gateway: Cidr): boolean {
  const flags = gateway.address.length === 16 ? IFA_F_NODAD : 0;
  try {
    ns.route.perform(newAddress(link, gateway, flags));
    return true;
  } catch (cause) {
    if (isRefusal(cause, EEXIST)) return false;
    throw explainedAddressError(cause);
  }
}

/** The kernel says EACCES where IPv6 is switched off: the likely cause belongs in the sentence. */
export function explainedAddressError(cause: unknown): unknown {
  if (!isRefusal(cause, EACCES)) return cause;
  return new NetlinkError(cause.what, cause.errno, {
    text: `${cause.kernelText ?? "permission denied"}: is IPv6 disabled (sysctl net.ipv6.conf.*.disable_ipv6)?`,
  });
}

/** The sysctl that forwards packets of a family. */
export function forwardingSysctl(family: 4 | 6): string {
  return family === 4 ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding";
}

/** Packets of a family are forwarded afterwards. */
export function ensureForwarding(ns: Netns, family: 4 | 6): void {
  ensureSysctl(ns, forwardingSysctl(family), "1");
}
