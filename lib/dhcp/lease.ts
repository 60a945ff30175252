/**
 * What a server gave: the address, until when, and the options that make a CNI result of it. The
 * options stay as they came; what they mean is read when it is needed, and what makes no sense is
 * left out with a word of why.
 */

import { equalAddresses, formatAddress, type IpAddress } from "../ip/address.ts";
import { type Cidr, formatCidr, networkOf } from "../ip/cidr.ts";
import type { Mac } from "../ip/mac.ts";
import { domainIn, searchIn } from "./domains.ts";
import { DhcpError } from "./error.ts";
import { Option, type Options } from "./options.ts";
import { type Route, routesIn, withGatewayRoutes } from "./routes.ts";
import { type LeaseTimes, leaseTimes, type Random } from "./timing.ts";
import { addressesIn, type Drop, mtuIn, prefixLengthIn } from "./values.ts";

/** A lease; its times are those of the client's clock, in milliseconds. */
export interface Lease extends LeaseTimes {
  readonly address: IpAddress;
  /** The server's identifier (option 54). */
  readonly server: IpAddress;
  /** From which hardware address the ACK came: the server, its relay or the router before it. */
  readonly serverMac: Mac;
  /** The options of the ACK that a result is made of. */
  readonly options: Options;
}

/** The lease that an ACK gives which was asked for at `acquiredAt`; undefined for lease time 0. */
export function leaseFrom(
  ack: Pick<Lease, "address" | "server" | "serverMac" | "options">,
  acquiredAt: number,
  random: Random,
): Lease | undefined {
  const { address, server, serverMac } = ack;
  const times = leaseTimes(ack.options, acquiredAt, random);
  return times && { address, server, serverMac, options: resultOptions(ack.options), ...times };
}

/** What of a result is not the server's to say. */
export interface ResultSettings {
  /** Metric of all routes; 0 leaves it to the kernel. */
  readonly priority: number;
  /** The link's MTU: routes have the server's only where it is less. */
  readonly linkMtu?: number;
}

/** A route of a result, as lib/cni/result.ts has it. */
export interface LeaseRoute {
  readonly dst: string;
  readonly gw?: string;
  readonly mtu?: number;
  readonly priority?: number;
  readonly scope?: number;
}

/** A result of version 1.1.0, without interfaces. */
export interface LeaseResult {
  readonly ips: readonly { readonly address: string; readonly gateway?: string }[];
  readonly routes: readonly LeaseRoute[];
  readonly dns: {
    readonly nameservers?: readonly string[];
    readonly domain?: string;
    readonly search?: readonly string[];
  };
}

/** A lease's result, and of what the server said why it is not in it. */
export interface LeaseReading {
  readonly result: LeaseResult;
  readonly dropped: readonly string[];
}

/** The result of a lease; DhcpError if the server gave no usable subnet mask. */
export function leaseResult(lease: Lease, settings: ResultSettings): LeaseReading {
  const { options } = lease;
  const cidr = cidrOf(lease);
  const dropped: string[] = [];
  const drop: Drop = (why) => dropped.push(why);
  const [gateway] = addressesIn(options, Option.routers, drop);
  const ip = { address: formatCidr(cidr), ...(gateway && { gateway: formatAddress(gateway) }) };
  const attributes = routeAttributes(options, settings, drop);
  const routes = withGatewayRoutes(routesIn(options, drop), networkOf(cidr));
  const result = {
    ips: [ip],
    routes: routes.map((route) => ({ ...routeOf(route), ...attributes })),
    dns: dnsOf(options, drop),
  };
  return { result, dropped };
}

function cidrOf({ address, options }: Lease): Cidr {
  const prefixLength = prefixLengthIn(options);
  if (prefixLength !== undefined) return { address, prefixLength };
  const mask = options.get(Option.subnetMask);
  const state =
    mask === undefined
      ? "DHCP option Subnet Mask not found in DHCPACK"
      : `the subnet mask in the DHCPACK is none: ${mask.slice(0, 8).join(".")}`;
  throw new DhcpError(`Cannot use the lease of ${formatAddress(address)}: ${state}`);
}

/** A route by the link must say that it is, or it would be by the first gateway. */
const SCOPE_LINK = 253;

function routeOf({ destination, gateway }: Route): LeaseRoute {
  const dst = formatCidr(destination);
  return gateway ? { dst, gw: formatAddress(gateway) } : { dst, scope: SCOPE_LINK };
}

function routeAttributes(options: Options, { priority, linkMtu }: ResultSettings, drop: Drop) {
  const mtu = mtuIn(options, drop);
  const isLess = mtu !== undefined && (linkMtu === undefined || mtu < linkMtu);
  return { ...(isLess && { mtu }), ...(priority !== 0 && { priority }) };
}

function dnsOf(options: Options, drop: Drop): LeaseResult["dns"] {
  const nameservers = addressesIn(options, Option.nameServers, drop).map(formatAddress);
  const domain = domainIn(options, drop);
  const search = searchIn(options, drop);
  return {
    ...(nameservers.length > 0 && { nameservers }),
    ...(domain !== undefined && { domain }),
    ...(search.length > 0 && { search }),
  };
}

/** The options that a result is made of. */
export const RESULT_OPTIONS: readonly number[] = [
  Option.subnetMask,
  Option.routers,
  Option.nameServers,
  Option.domain,
  Option.mtu,
  Option.staticRoutes,
  Option.domainSearch,
  Option.classlessRoutes,
];

function resultOptions(options: Options): Options {
  return new Map([...options].filter(([code]) => RESULT_OPTIONS.includes(code)));
}

/** True if two leases give different results: another address, mask, route, DNS or MTU. */
export function differ(a: Lease, b: Lease): boolean {
  if (!equalAddresses(a.address, b.address)) return true;
  return RESULT_OPTIONS.some((code) => textOf(a.options, code) !== textOf(b.options, code));
}

function textOf(options: Options, code: number): string | undefined {
  return options.get(code)?.join();
}
