/** Routes in options: classless (121, RFC 3442), and classful with a default one (33 and 3). */

import { formatAddress, type IpAddress, isLoopback, isUnspecified } from "../ip/address.ts";
import { type Cidr, containsAddress, formatCidr, hostCidr, networkOf } from "../ip/cidr.ts";
import { Option, type Options } from "./options.ts";
import { addressesIn, type Drop, isHost, MOST } from "./values.ts";

/** A route; without a gateway it is by the link. */
export interface Route {
  readonly destination: Cidr;
  readonly gateway: IpAddress | undefined;
}

/** The routes of a lease: classless ones if there are any, and nothing else then (RFC 3442). */
export function routesIn(options: Options, drop: Drop): readonly Route[] {
  const classless = classlessRoutes(options, drop);
  if (classless.length > 0) return classless;
  const [router] = addressesIn(options, Option.routers, () => undefined);
  const byDefault = router ? [{ destination: EVERYWHERE, gateway: router }] : [];
  return [...classfulRoutes(options, drop), ...byDefault];
}

const EVERYWHERE: Cidr = { address: Uint8Array.of(0, 0, 0, 0), prefixLength: 0 };

/** The same routes behind those to their gateways, for gateways that nothing else leads to. */
export function withGatewayRoutes(routes: readonly Route[], subnet: Cidr): readonly Route[] {
  const direct = [subnet, ...routes.flatMap((route) => (route.gateway ? [] : [route.destination]))];
  const ahead = new Map<string, Route>();
  for (const { gateway } of routes) {
    if (!gateway || direct.some((network) => containsAddress(network, gateway))) continue;
    ahead.set(formatAddress(gateway), { destination: hostCidr(gateway), gateway: undefined });
  }
  const byLink = routes.filter(({ gateway }) => !gateway);
  return [...ahead.values(), ...byLink, ...routes.filter(({ gateway }) => gateway)];
}

/** A prefix's length, as many bytes of it as it has, and a router: one after the other. */
function classlessRoutes(options: Options, drop: Drop): readonly Route[] {
  const code = Option.classlessRoutes;
  const value = options.get(code) ?? new Uint8Array();
  const routes: Route[] = [];
  for (let at = 0, count = 0; at < value.length; count++) {
    const prefixLength = value[at] ?? 0;
    const routerAt = at + 1 + Math.ceil(prefixLength / 8);
    if (prefixLength > 32 || routerAt + 4 > value.length || count === MOST) {
      drop(`option ${code}: no routes from byte ${at} on`);
      break;
    }
    const address = new Uint8Array(4);
    address.set(value.subarray(at + 1, routerAt));
    const destination = networkOf({ address, prefixLength });
    keep(routes, { destination, gateway: value.slice(routerAt, routerAt + 4) }, [code, drop]);
    at = routerAt + 4;
  }
  return routes;
}

/** Pairs of a destination, whose class tells its length, and a router. */
function classfulRoutes(options: Options, drop: Drop): readonly Route[] {
  const code = Option.staticRoutes;
  const value = options.get(code) ?? new Uint8Array();
  if (value.length % 8 !== 0) drop(`option ${code}: its end is no route`);
  const routes: Route[] = [];
  const count = Math.min(Math.floor(value.length / 8), MOST);
  for (let at = 0; at < 8 * count; at += 8) {
    const address = value.slice(at, at + 4);
    const prefixLength = classOf(address);
    const destination = networkOf({ address, prefixLength: prefixLength ?? 32 });
    if (prefixLength === undefined) drop(`option ${code}: ${formatCidr(destination)} has no class`);
    else keep(routes, { destination, gateway: value.slice(at + 4, at + 8) }, [code, drop]);
  }
  return routes;
}

/** The default route must not be among classful ones (RFC 2132, 5.8). */
function classOf(address: IpAddress): number | undefined {
  const first = address[0] ?? 0;
  if (isUnspecified(address) || first >= 224) return undefined;
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

interface Found {
  readonly destination: Cidr;
  /** 0.0.0.0 for the link itself. */
  readonly gateway: IpAddress;
}

function keep(routes: Route[], found: Found, [code, drop]: readonly [number, Drop]): void {
  const { destination, gateway } = found;
  const isByLink = isUnspecified(gateway);
  const says = `option ${code}: route to ${formatCidr(destination)}`;
  if (!isByLink && !isHost(gateway)) {
    drop(`${says}: ${formatAddress(gateway)} is no host's address`);
  } else if (isLoopback(destination.address)) {
    drop(`${says}: it would be the loopback's`);
  } else {
    routes.push({ destination, gateway: isByLink ? undefined : gateway });
  }
}
