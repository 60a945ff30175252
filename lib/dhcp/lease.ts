/**
 * What a server gave: the address, until when, and the options that make a CNI result of it. The
 * options stay as they came; what they mean is read when it is needed, and what makes no sense is
 * left out with a word of why.
 */

import type { IpAddress } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import type { Options } from "./options.ts";

/** A lease. Times are milliseconds of the client's clock; Infinity for what never comes. */
export interface Lease {
  readonly address: IpAddress;
  /** The server's identifier (option 54). */
  readonly server: IpAddress;
  /** From which hardware address the ACK came: the server, its relay or the router before it. */
  readonly serverMac: Mac;
  /** The options of the ACK that a result is made of. */
  readonly options: Options;
  readonly acquiredAt: number;
  /** T1: the server is asked to renew. */
  readonly renewAt: number;
  /** T2: any server is asked. */
  readonly rebindAt: number;
  readonly expiresAt: number;
}

/** What of a result is not the server's to say. */
export interface ResultSettings {
  /** Metric of all routes; 0 leaves it to the kernel. */
  readonly priority: number;
  /** The link's MTU: a larger one of the server's is of no use. */
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

/** A result of version 1.1.0, without interfaces, and why something the server said is not in it. */
export interface LeaseResult {
  readonly ips: readonly { readonly address: string; readonly gateway?: string }[];
  readonly routes: readonly LeaseRoute[];
  readonly dns: {
    readonly nameservers?: readonly string[];
    readonly domain?: string;
    readonly search?: readonly string[];
  };
  readonly dropped: readonly string[];
}

/** The result of a lease; DhcpError if the server gave no usable subnet mask. */
export function leaseResult(_lease: Lease, _settings: ResultSettings): LeaseResult {
  throw new Error("to be written");
}

/** True if two leases give different results: another address, mask, route, DNS or MTU. */
export function differ(_a: Lease, _b: Lease): boolean {
  throw new Error("to be written");
}
