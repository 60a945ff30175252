/** The result of ADD: the links of an attachment, and the lease as it was applied. */

import type { AddCall } from "../cni/call.ts";
import type { Lease } from "../cni/ipam.ts";
import type { NetConf } from "../cni/netconf.ts";
import type { Result, ResultInterface } from "../cni/result.ts";
import { passedOn } from "../cni/whose.ts";
import { formatAddress } from "../ip/address.ts";
import { formatCidr } from "../ip/cidr.ts";
import { formatMac } from "../ip/mac.ts";
import type { Link } from "../net/link.ts";

/** What is reported of a link; of a device that is no link to the kernel its name and place. */
interface Reported extends Pick<Link, "name">, Partial<Pick<Link, "mac" | "mtu">> {
  readonly pciID?: string | undefined;
}

/** The links of an attachment as they are at the end of ADD, in the order of the report. */
export interface Links {
  /** Those of the host that are named before the container's. */
  readonly outside: readonly Reported[];
  readonly inside: Reported;
  /** Those of the host that are named after it. */
  readonly further?: readonly Reported[];
}

/**
 * The result of ADD: our own addresses first, since who wants one takes the first, then what other
 * main plugins before this one reported; the container's loopback is no part of it.
 */
export function report(call: AddCall<NetConf>, links: Links, lease: Lease | undefined): Result {
  const { prevResult, netns, config } = call;
  const before = passedOn(prevResult ?? {});
  const dns = config.dns ?? lease?.result.dns;
  return {
    ...before,
    interfaces: [
      ...before.interfaces,
      ...links.outside.map(describeLink),
      { ...describeLink(links.inside), sandbox: netns },
      ...(links.further ?? []).map(describeLink),
    ],
    ips: [...describeIps(lease, before.interfaces.length + links.outside.length), ...before.ips],
    routes: [...(before.routes ?? []), ...(lease?.routes ?? [])],
    ...(dns ? { dns } : {}),
  };
}

/** `index` is the container's link's among the interfaces. */
function describeIps(lease: Lease | undefined, index: number) {
  return (lease?.ips ?? []).map(({ cidr, gateway }, i) => ({
    ...lease?.result.ips?.[i],
    address: formatCidr(cidr),
    ...(gateway ? { gateway: formatAddress(gateway) } : {}),
    interface: index,
  }));
}

function describeLink({ name, mac, mtu, pciID }: Reported): ResultInterface {
  return {
    name,
    ...(mac ? { mac: formatMac(mac) } : {}),
    ...(mtu === undefined ? {} : { mtu }),
    ...(pciID === undefined ? {} : { pciID }),
  };
}
