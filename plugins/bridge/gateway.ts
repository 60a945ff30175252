/** The gateway: addresses of the bridge, or of an interface of their VLAN. */

import type { Lease } from "../../lib/cni/ipam.ts";
import { nextAddress } from "../../lib/ip/address.ts";
import { type Cidr, networkOf } from "../../lib/ip/cidr.ts";
import { keepMac } from "../../lib/net/bridge.ts";
import { ensureForwarding, ensureGateways } from "../../lib/net/gateway.ts";
import { findLink, getLink, type Link, setLinkUp } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { heedNoRouters, heedNoRoutersLater } from "../../lib/net/routers.ts";
import { addVeth, hostVethName, isNameTaken } from "../../lib/net/veth.ts";
import type { BridgeConfig } from "./config.ts";
import { setPortVlans } from "./vlan.ts";

/** The lease with a gateway for every address, if the bridge is to be one. */
export function withGateways(config: BridgeConfig, lease: Lease): Lease {
  if (!config.isGateway) return lease;
  return {
    ...lease,
    ips: lease.ips.map(({ cidr, gateway }) => ({
      cidr,
      gateway: gateway ?? nextAddress(networkOf(cidr).address),
    })),
  };
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
  for (const family of [4, 6] as const) {
    const length = family === 4 ? 4 : 16;
    if (gateways.some(({ address }) => address.length === length)) ensureForwarding(host, family);
  }
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
