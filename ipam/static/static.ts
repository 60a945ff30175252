/**
 * static: the addresses that the configuration or the runtime names.
 *
 *   runtimeConfig.ips, else args.cni.ips, else ipam.addresses and CNI_ARGS IP
 *
 * Nothing is kept: whoever names an address sees to it that nobody else has it.
 */

import type { AddCall, CheckCall } from "../../lib/cni/call.ts";
import type { Result, ResultIp } from "../../lib/cni/result.ts";
import { ipamPlugin } from "../../lib/cni/run.ts";
import { unconfirmed } from "../../lib/cni/verdict.ts";
import { equalAddresses, formatAddress, parseAddress } from "../../lib/ip/address.ts";
import { formatCidr, parseCidr } from "../../lib/ip/cidr.ts";
import { parseStaticConfig, type StaticConfig, type StaticIp, wantedIps } from "./config.ts";
import * as schema from "./static.schema.json";

function add({ config, args, cniVersion }: AddCall<StaticConfig>): Result {
  const { routes, dns } = config;
  const ips = wantedIps(config, args, cniVersion).map(({ cidr, gateway }) => ({
    address: formatCidr(cidr),
    ...(gateway ? { gateway: formatAddress(gateway) } : {}),
  }));
  return { ips, routes, dns };
}

/** Throws code 104 if the result of ADD has not all that is named, each with its gateway. */
function check({
  config,
  args,
  cniVersion,
  prevResult = {},
  attachment,
}: CheckCall<StaticConfig>): void {
  const { ips: reported = [] } = prevResult;
  for (const wanted of wantedIps(config, args, cniVersion)) {
    const fault = faultOf(wanted, reported);
    if (fault !== undefined) {
      throw unconfirmed("the addresses", fault, `interface "${attachment.ifName}"`);
    }
  }
}

function faultOf({ cidr, gateway }: StaticIp, reported: readonly ResultIp[]): string | undefined {
  const found = reported.find(({ address }) => isSameText(address, formatCidr(cidr)));
  if (!found) return `${formatCidr(cidr)} is not in the result`;
  const present = found.gateway === undefined ? undefined : parseAddress(found.gateway);
  if (!gateway || (present && equalAddresses(present, gateway))) return undefined;
  const told = found.gateway ?? "none";
  return `${formatCidr(cidr)} should have gateway ${formatAddress(gateway)}, found ${told}`;
}

/** An address may be spelled in several ways. */
function isSameText(reported: string, wanted: string): boolean {
  const cidr = parseCidr(reported);
  return cidr !== undefined && formatCidr(cidr) === wanted;
}

/** Nothing is kept, so there is nothing to give back or to be out of. */
function nothing(): void {}

export const { main, handle, result, configuration } = ipamPlugin<StaticConfig>({
  name: "static",
  reference: "1.9.1",
  schema,
  args: ["IP", "GATEWAY"],
  parseConfig: parseStaticConfig,
  add,
  check,
  del: nothing,
  gc: nothing,
  status: nothing,
});
