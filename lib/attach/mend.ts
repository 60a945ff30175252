/** Parts that several plugins have on the host, as lib/cni/mend.ts tells of them. */

import { type Lease, toLease } from "../cni/ipam.ts";
import type { Made, Part, Sides } from "../cni/mend.ts";
import type { NetConf } from "../cni/netconf.ts";
import { cidrsOf } from "../cni/whose.ts";
import * as masquerading from "../filter/masquerade.ts";
import { family, type IpAddress } from "../ip/address.ts";
import { formatCidr } from "../ip/cidr.ts";
import { ensureForwarding, findForwardingFault } from "../net/gateway.ts";
import type { Link } from "../net/link.ts";
import { addLinkLocal, findLinkLocalFault } from "../net/link-local.ts";
import type { Netns } from "../net/netns.ts";
import { forgetUnanswered } from "../net/unanswered.ts";
import { ownIps } from "./check.ts";
import type { MasqueradeConfig } from "./masquerade.ts";

/** The lease as it was reported. */
export function reportedLease(call: Made<NetConf>): Lease {
  return toLease({ ...call.prevResult, ips: ownIps(call) });
}

/** Forwarding between the links of the host, of the addresses' families. */
export function forwardingPart(host: Netns, addresses: readonly IpAddress[]): Part {
  return {
    what: "forwarding by the host",
    fault: () => findForwardingFault(host, addresses),
    make: () => ensureForwarding(host, addresses),
  };
}

/** The address by which the host looks for containers with IPv6, as a list of parts: none without. */
export function linkLocalParts(
  host: Netns,
  link: () => Link | undefined,
  gateways: readonly IpAddress[],
): readonly Part[] {
  if (!gateways.some((address) => family(address) === 6)) return [];
  return [
    {
      what: "link-local address",
      fault: () => {
        const found = link();
        return found ? findLinkLocalFault(host, found) : "its link does not exist";
      },
      make: () => {
        const found = link();
        if (found) addLinkLocal(host, found);
      },
    },
  ];
}

/** The masquerade of an attachment, as a list of parts: none if it is not asked for. */
export function masqueradeParts(
  call: Made<NetConf & MasqueradeConfig>,
  { host }: Sides,
): readonly Part[] {
  const { attachment: owner, config } = call;
  const addresses = cidrsOf(ownIps(call));
  if (!config.ipMasq || addresses.length === 0) return [];
  return [masqueradePart(host, { owner, addresses, backend: config.ipMasqBackend })];
}

/** The masquerade of certain addresses. */
export function masqueradePart(host: Netns, wanted: masquerading.Masquerade): Part {
  return {
    what: `masquerade of ${wanted.addresses.map(formatCidr).join(", ")}`,
    fault: () => masquerading.findMasqueradeFault(host, wanted),
    make: () => {
      masquerading.addMasquerade(host, wanted);
      for (const cidr of wanted.addresses) forgetUnanswered(host, cidr);
    },
  };
}
