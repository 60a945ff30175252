/** Links, default routes and overlays of a namespace as texts, for people. Nothing is changed. */

import { formatAddress } from "../ip/address.ts";
import { formatCidr } from "../ip/cidr.ts";
import { formatMac } from "../ip/mac.ts";
import { listAddresses } from "../net/address.ts";
import { addressesByLink } from "../net/all-addresses.ts";
import { type DefaultRoute, listDefaultRoutes } from "../net/default-routes.ts";
import { ifFew } from "../net/few.ts";
import { findLink, type Link, listLinks } from "../net/link.ts";
import { isLinkedHome } from "../net/linked-home.ts";
import type { Netns } from "../net/netns.ts";
import { seeDevice } from "../overlay/seen-device.ts";

type Kept =
  | "index"
  | "name"
  | "kind"
  | "mtu"
  | "isUp"
  | "alias"
  | "master"
  | "peer"
  | "isPeerHere"
  | "vlanId"
  | "vrfTable";

/** A link as the kernel shows it; addresses have the length of their network. */
export interface SeenLink extends Pick<Link, Kept> {
  readonly mac: string;
  readonly addresses: readonly string[];
}

/** All links of a namespace. */
export function seeLinks(ns: Netns): readonly SeenLink[] {
  const addresses = addressesByLink(ns);
  return listLinks(ns).map((link) => seen(link, (addresses.get(link.index) ?? []).map(formatCidr)));
}

/** A link of a container. */
export interface SeenInside extends SeenLink {
  /** True if what it is joined to, or above, is a link of this host's. */
  readonly isLinkedHome: boolean;
  /** The name of the VRF that it is in there; "" if it is in none. */
  readonly vrf: string;
}

/** A container's link of a name; undefined if there is none. */
export function seeLink(ns: Netns, name: string): SeenInside | undefined {
  const link = findLink(ns, name);
  if (!link) return undefined;
  const addresses = ifFew(() => listAddresses(ns, link)).filter(({ scope }) => scope === 0);
  const texts = addresses.map(({ cidr }) => formatCidr(cidr));
  const master = link.master > 0 ? findLink(ns, link.master) : undefined;
  const vrf = master?.kind === "vrf" ? master.name : "";
  return { ...seen(link, texts), isLinkedHome: isLinkedHome(ns, link), vrf };
}

function seen(link: Link, addresses: readonly string[]): SeenLink {
  const { index, name, kind, mtu, isUp, alias, master, peer, isPeerHere, vlanId, vrfTable } = link;
  const own = { index, name, kind, mtu, isUp, alias, master, peer, isPeerHere, vlanId, vrfTable };
  return { ...own, mac: formatMac(link.mac), addresses };
}

/** A default route: the indexes of its links, and its gateways. */
export interface SeenDefault extends Pick<DefaultRoute, "outputs"> {
  readonly gateways: readonly string[];
}

/** The default routes of both families, those that are preferred first. */
export function seeDefaults(ns: Netns): readonly SeenDefault[] {
  return listDefaultRoutes(ns).map(({ outputs, gateways }) => ({
    outputs,
    gateways: gateways.map(formatAddress),
  }));
}

/** A vxlan device, and the hosts it leads to. */
export interface SeenOverlay {
  readonly device: string;
  readonly vni: number;
  readonly port: number;
  /** The address that packets leave under; "" if the routes decide. */
  readonly local: string;
  /** Index of the link that wrapped packets leave by; 0 if the routes decide. */
  readonly uplink: number;
  readonly peers: readonly {
    readonly publicIP: string;
    readonly subnets: readonly string[];
    /** True if nothing is wrapped, since the uplink leads there. */
    readonly isDirect: boolean;
  }[];
}

/** The vxlan device of a name, or undefined if it is gone. */
export function seeOverlay(ns: Netns, name: string): SeenOverlay | undefined {
  const found = seeDevice(ns, name);
  if (!found) return undefined;
  const { vni, port, local, uplink } = found;
  const peers = found.peers.map(({ publicIP, subnets, isDirect }) => ({
    publicIP: formatAddress(publicIP),
    subnets: subnets.map(formatCidr),
    isDirect,
  }));
  return { device: name, vni, port, local: local ? formatAddress(local) : "", uplink, peers };
}
