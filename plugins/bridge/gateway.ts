/** The gateway: addresses of the bridge, or of an interface of their VLAN, and routes by them. */

import type { Lease } from "../../lib/cni/ipam.ts";
import type { ResultRoute } from "../../lib/cni/result.ts";
import { formatAddress, nextAddress } from "../../lib/ip/address.ts";
import { type Cidr, networkOf, parseCidr } from "../../lib/ip/cidr.ts";
import { keepMac } from "../../lib/net/bridge.ts";
import { ensureForwarding, ensureGateways } from "../../lib/net/gateway.ts";
import { findLink, getLink, type Link, setLinkUp } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { heedNoRouters, heedNoRoutersLater } from "../../lib/net/routers.ts";
import { addVeth, hostVethName, isNameTaken } from "../../lib/net/veth.ts";
import type { BridgeConfig } from "./config.ts";
import { setPortVlans } from "./vlan.ts";

/**
 * The lease as the bridge serves it: where it is the gateway every address has one, and where it is
 * the default gateway there are default routes.
 */
export function servedLease(config: BridgeConfig, lease: Lease): Lease {
  if (!config.isGateway) return lease;
  const ips = lease.ips.map(({ cidr, gateway }) => ({
    cidr,
    gateway: gateway ?? nextAddress(networkOf(cidr).address),
  }));
  return config.isDefaultGateway ? withDefaultRoutes({ ...lease, ips }) : { ...lease, ips };
}

/** A default route by the first gateway of each family, unless the lease has one. */
function withDefaultRoutes(lease: Lease): Lease {
  const added = (["0.0.0.0/0", "::/0"] as const).flatMap((dst) => {
    const length = dst === "::/0" ? 16 : 4;
    const gateway = lease.ips.find((ip) => ip.gateway?.length === length)?.gateway;
    const isThere = lease.routes.some((route) => isDefault(route, length));
    return gateway && !isThere ? [{ dst, gw: formatAddress(gateway) }] : [];
  });
  return { ...lease, routes: [...lease.routes, ...added] };
}

function isDefault({ dst }: ResultRoute, length: number): boolean {
  const cidr = parseCidr(dst);
  return cidr?.prefixLength === 0 && cidr.address.length === length;
}

/** The addresses the gateway has, each once: the gateway of every address, in its subnet. */
export function gatewayCidrs({ ips }: Lease): Cidr[] {
  const seen = new Set<string>();
  return ips.flatMap(({ cidr: { prefixLength }, gateway: address }) => {
    const key = address && `${address.join(".")}/${prefixLength}`;
    if (!address || key === undefined || seen.has(key)) return [];
    seen.add(key);
    return [{ address, prefixLength }];
  });
}

/** Makes the bridge (or its VLAN interface, returned) the gateway, and the host a router. */
export function connectGateway(
  config: BridgeConfig,
  host: Netns,
  at: { readonly bridge: Link; readonly lease: Lease },
): Link | undefined {
  const gateways = gatewayCidrs(at.lease);
  const access = config.vlan?.access ?? 0;
  const vlanLink = access === 0 ? undefined : ensureVlanLink(config, host, at.bridge);
  if (vlanLink) heedNoRouters(host, vlanLink);
  const wanted = { gateways, force: config.forceAddress };
  const isNew = ensureGateways(host, vlanLink ?? at.bridge, wanted);
  if (isNew && !vlanLink) keepMac(host, at.bridge);
  ensureForwarding(
    host,
    gateways.map(({ address }) => address),
  );
  return vlanLink;
}

/** The name of the host's interface in an access VLAN of the bridge. */
export function vlanLinkName({ bridge, vlan }: BridgeConfig): string {
  return `${bridge}.${vlan?.access ?? 0}`;
}

/**
 * The host's own port in the VLAN: a veth pair with both ends here, one a port of the bridge, the
 * other named after bridge and VLAN. Like the bridge it is shared and stays.
 */
function ensureVlanLink(config: BridgeConfig, host: Netns, bridge: Link): Link {
  const name = vlanLinkName(config);
  const existing = findLink(host, name);
  if (existing) return existing;
  const port = hostVethName({ network: bridge.name, containerID: "vlan", ifName: name });
  try {
    const { outside, inside } = addVeth(host, {
      host: { name: port, master: bridge, alias: `port of ${name}` },
      container: { name, netns: undefined },
      mtu: bridge.mtu,
    });
    if (config.vlan) setPortVlans(host, outside, { ...config.vlan, trunk: [] });
    heedNoRoutersLater(host, name);
    setLinkUp(host, outside);
    setLinkUp(host, inside);
  } catch (cause) {
    if (!isNameTaken(cause)) throw cause;
  }
  return getLink(host, name);
}
