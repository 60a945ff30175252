/** What of a store's host this host can use: its ends, one for each of this host's own. */

import { family, formatAddress, type IpAddress, isGlobalUnicast } from "../lib/ip/address.ts";
import { type Cidr, containsAddress, formatCidr } from "../lib/ip/cidr.ts";
import { isMulticastMac, isZeroMac, type Mac } from "../lib/ip/mac.ts";
import { ContractError } from "../lib/overlay/contract/error.ts";
import type { End } from "../lib/overlay/contract/host.ts";
import type { OwnEnd } from "../lib/overlay/contract/peers.ts";
import { requireWithin } from "../lib/overlay/contract/values.ts";
import { vtepMac } from "../lib/overlay/contract/vtep-mac.ts";
import type { StoreHost } from "../lib/store/store.ts";

/** What the other hosts are looked at with. */
export interface Own {
  readonly networks: readonly Cidr[];
  readonly backend: "vxlan" | "host-gw";
  /** This host's own ends: the others have as many, each of the same family. */
  readonly ends: readonly OwnEnd[];
  /** Addresses under which this host is known to others besides those of its ends. */
  readonly published: readonly IpAddress[];
  /** The uplink's own subnets. */
  readonly links: readonly Cidr[];
  /** True if hosts in them are reached without wrapping. */
  readonly isDirect: boolean;
}

/** A host's end, and whether it has another backend than this host and so is reached by a route. */
export interface UsableEnd extends End {
  readonly isOther: boolean;
}

/** A host's ends; throws ContractError, which names it by its key, if it cannot be used. */
export function usableEnds(key: string, host: StoreHost, own: Own): readonly UsableEnd[] {
  const path = `host "${key}"`;
  const isOther = host.backend !== own.backend;
  if (isOther && !isRouted(host, own)) {
    throw new ContractError(path, `its backend is "${host.backend}", not "${own.backend}"`);
  }
  requireWithin(own.networks, host.subnets, `${path} subnet`);
  return own.ends.map((end) => usableEnd(path, host, { own, end, isOther }));
}

/** True if a host on the same link takes what is routed to it, whatever its backend and this host's. */
export function isRouted(host: StoreHost, own: Own): boolean {
  if (!ROUTABLE.includes(host.backend)) return false;
  return own.ends.every((end) => {
    const publicIP = publicIPFor(host, end);
    return publicIP && own.links.some((link) => containsAddress(link, publicIP));
  });
}

const ROUTABLE = ["vxlan", "host-gw"];

function publicIPFor(host: StoreHost, own: OwnEnd): IpAddress | undefined {
  return family(own.publicIP) === 4 ? host.publicIP : host.publicIPv6;
}

interface ForEnd {
  readonly own: Own;
  readonly end: OwnEnd;
  readonly isOther: boolean;
}

function usableEnd(path: string, host: StoreHost, forEnd: ForEnd): UsableEnd {
  const { own: all, end: own, isOther } = forEnd;
  const number = family(own.publicIP);
  const publicIP = publicIPFor(host, own);
  if (!publicIP || !isGlobalUnicast(publicIP)) {
    throw new ContractError(path, `it has no IPv${number} address that others can reach`);
  }
  const subnets = host.subnets.filter(({ address }) => isOf(own.networks, address));
  const around = host.subnets.find((subnet) => containsAddress(subnet, publicIP));
  if (around) {
    const state = `its address ${formatAddress(publicIP)} is within its own subnet`;
    throw new ContractError(path, `${state} ${formatCidr(around)}`);
  }
  const written = number === 4 ? host.vtepMac : host.vtepMacV6;
  const isWrapped = all.backend === "vxlan" && host.backend === "vxlan";
  return { subnets, publicIP, mac: macOf(path, isWrapped, { written, publicIP }), isOther };
}

interface Written {
  readonly written: Mac | undefined;
  readonly publicIP: IpAddress;
}

/** Without a device the address stands for it: so two hosts never have the same by chance. */
function macOf(path: string, isWrapped: boolean, { written, publicIP }: Written): Mac {
  if (!isWrapped) return vtepMac(publicIP, 0);
  const isUsable = written?.length === 6 && !isMulticastMac(written) && !isZeroMac(written);
  if (isUsable) return written;
  throw new ContractError(path, `it does not say the hardware address of its device`);
}

function isOf(networks: readonly Cidr[], address: IpAddress): boolean {
  return networks.some((network) => network.address.length === address.length);
}
