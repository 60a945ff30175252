import { hash64 } from "../../bytes/hash.ts";
import { formatAddress, type IpAddress } from "../../ip/address.ts";
import type { Mac } from "../../ip/mac.ts";

/**
 * The hardware address of a host's vxlan device (VTEP) unless somebody says another: two hashes of
 * its address and the VNI, so that every host can compute those of all others. Locally
 * administered, unicast.
 */
export function vtepMac(publicIP: IpAddress, vni: number): Mac {
  return vtepMacOf(formatAddress(publicIP), vni);
}

/** The same for an address as `formatAddress` has it. */
export function vtepMacOf(publicIP: string, vni: number): Mac {
  const { low, high } = hash64(`${publicIP}/${vni}`);
  return Uint8Array.of(
    2,
    high & 0xff,
    low >>> 24,
    (low >>> 16) & 0xff,
    (low >>> 8) & 0xff,
    low & 0xff,
  );
}
