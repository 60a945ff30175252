/** The IPAM plugin of a configuration: asked for addresses, told when they are free again. */

import { type IpAddress, parseAddress } from "../ip/address.ts";
import { type Cidr, parseCidr } from "../ip/cidr.ts";
import type { Call } from "./call.ts";
import { delegate, findDelegate, resultFrom, takeBack } from "./delegate.ts";
import { CniError, Code } from "./error.ts";
import type { PluginFile } from "./find-plugin.ts";
import type { NetConf } from "./netconf.ts";
import type { Result, ResultRoute } from "./result.ts";

export type { PluginFile } from "./find-plugin.ts";

/** An address of a lease. */
export interface LeaseIp {
  readonly cidr: Cidr;
  readonly gateway: IpAddress | undefined;
}

/** What IPAM gave: the result as it will be reported, and its addresses as values. */
export interface Lease {
  readonly result: Result;
  readonly ips: readonly LeaseIp[];
  readonly routes: readonly ResultRoute[];
}

/** True if the configuration names an IPAM plugin: otherwise the attachment is layer 2 only. */
export function hasIpam(call: Call<NetConf>): boolean {
  return call.config.ipamType !== "";
}

/** The IPAM plugin, if one is asked for; refused if it cannot be found, before anything is done. */
export function findIpam(call: Call<NetConf>): PluginFile | undefined {
  return hasIpam(call) ? getIpam(call) : undefined;
}

/** The IPAM plugin of a configuration that has one for certain. */
export function getIpam(call: Call<NetConf>): PluginFile {
  return findDelegate(call.config.ipamType, call.request);
}

/** ADD; if IPAM fails, or gives no address, it is told to DEL before the error goes up. */
export function addLease(call: Call<NetConf>, plugin: PluginFile): Lease {
  try {
    return readLease(call, resultFrom(plugin, call.request, leaseOrigin(call)));
  } catch (cause) {
    throw CniError.from(cause).plus(attempt(() => takeBackLease(call)));
  }
}

function attempt(body: () => void): CniError[] {
  try {
    body();
    return [];
  } catch (cause) {
    return [CniError.from(cause)];
  }
}

function leaseOrigin(call: Call<NetConf>) {
  const what = `the result of IPAM plugin "${call.config.ipamType}"`;
  return { what, code: Code.delegate, version: call.cniVersion, sameShape: false };
}

function readLease(call: Call<NetConf>, result: Result): Lease {
  const lease = toLease(result);
  if (lease.ips.length > 0) return lease;
  const what = `the result of IPAM plugin "${call.config.ipamType}"`;
  throw new CniError(Code.delegate, `Cannot use ${what}: IPAM plugin returned missing IP config`);
}

/** A result as a lease, with those of its addresses that are any. */
export function toLease(result: Result): Lease {
  const ips = (result.ips ?? []).flatMap(({ address, gateway }) => {
    const cidr = parseCidr(address);
    return cidr
      ? [{ cidr, gateway: gateway === undefined ? undefined : parseAddress(gateway) }]
      : [];
  });
  return { result, ips, routes: result.routes ?? [] };
}

/** DEL: the addresses of the attachment are free again; none is fine. */
export function deleteLease(call: Call<NetConf>): void {
  if (hasIpam(call)) delegate(call.config.ipamType, "DEL", call.request);
}

/** True if addresses are given back by way of the link that has them, to a server of its network. */
export function isGivenBackByLink({ config }: Call<NetConf>): boolean {
  return config.ipamType === "dhcp";
}

/** What a failed ADD was given is free again; that ADD has taken its time already. */
export function takeBackLease(call: Call<NetConf>): void {
  if (hasIpam(call)) takeBack(call.config.ipamType, call.request);
}

/** CHECK: throws if IPAM does not know the attachment. */
export function checkLease(call: Call<NetConf>): void {
  if (hasIpam(call)) delegate(call.config.ipamType, "CHECK", call.request);
}

/** GC: IPAM gets the same list of valid attachments. */
export function collectLeases(call: Call<NetConf>): void {
  if (hasIpam(call)) delegate(call.config.ipamType, "GC", call.request);
}

/** STATUS: throws what IPAM says if it could not serve an ADD. */
export function checkIpamStatus(call: Call<NetConf>): void {
  if (hasIpam(call)) delegate(call.config.ipamType, "STATUS", call.request);
}
