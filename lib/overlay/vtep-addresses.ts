/** The addresses of a vxlan device: those that the other hosts' routes name as a gateway. */

import { EEXIST } from "../host/errno.ts";
import { family } from "../ip/address.ts";
import { type Cidr, firstAddress, formatCidr, hostCidr } from "../ip/cidr.ts";
import { deleteAddressIfPresent, listAddresses } from "../net/address.ts";
import type { LinkRef } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { IFA_F_NODAD, newAddress } from "../netlink/address.ts";
import type { Tell } from "./overlay.ts";

/** The device has the first address of each of this host's subnets, and no other. */
export function ensureVtepAddresses(
  ns: Netns,
  device: LinkRef,
  { subnets, tell }: { readonly subnets: readonly Cidr[]; readonly tell?: Tell },
): void {
  const wanted = subnets.map((subnet) => hostCidr(firstAddress(subnet)));
  const found = listAddresses(ns, device).map(({ cidr }) => cidr);
  for (const cidr of wanted.filter((each) => !isIn(found, each))) {
    addAddress(ns, device, cidr);
    tell?.(`add address ${formatCidr(cidr)} to "${device.name}"`);
  }
  for (const cidr of found) {
    if (isIn(wanted, cidr) || isLinkLocal(cidr)) continue;
    deleteAddressIfPresent(ns, device, cidr);
    tell?.(`delete address ${formatCidr(cidr)} of "${device.name}"`);
  }
}

function isIn(list: readonly Cidr[], cidr: Cidr): boolean {
  return list.some((other) => formatCidr(other) === formatCidr(cidr));
}

/** Adds an address; another process may have been quicker. */
function addAddress(ns: Netns, device: LinkRef, cidr: Cidr): void {
  const flags = family(cidr.address) === 6 ? IFA_F_NODAD : 0;
  ns.route.perform({ ...newAddress(device, cidr, flags), tolerates: [EEXIST] });
}

/** The kernel's own. */
function isLinkLocal({ address }: Cidr): boolean {
  return family(address) === 6 && address[0] === 0xfe;
}
