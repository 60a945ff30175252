/** The addresses by which an attachment's packets are known, and the rules for them. */

import type { AddCall, Chained, CheckCall, DelCall } from "../../lib/cni/call.ts";
import { configError } from "../../lib/cni/error.ts";
import type { Result, ResultIp } from "../../lib/cni/result.ts";
import { ownIps } from "../../lib/cni/whose.ts";
import { equalAddresses, family, type IpAddress, parseAddress } from "../../lib/ip/address.ts";
import { type Cidr, parseCidr } from "../../lib/ip/cidr.ts";
import type { LinkRef } from "../../lib/net/link.ts";
import { isOwnRule, isUnsignedRule, type SourceRule, sourceRulesOf } from "../../lib/net/rule.ts";
import { isReservedTable, type Routing, routesBy } from "../../lib/net/table.ts";
import type { SbrConfig } from "./config.ts";

/** An address of the attachment, and the way out for it. */
export interface Source {
  readonly cidr: Cidr;
  readonly gateway: IpAddress | undefined;
  /** True if the configuration says so: then it comes before every other default route. */
  readonly isGatewayConfigured: boolean;
}

/** The same with the table that its packets go by. */
export interface TabledSource extends Source {
  readonly table: number;
}

type Call = Chained<AddCall<SbrConfig> | CheckCall<SbrConfig>>;

/** The attachment's addresses; throws code 7 if the result before has none. */
export function sourcesOf({ prevResult, attachment, config }: Call): readonly Source[] {
  const ips = ownIps(prevResult, attachment.ifName);
  const sources = ips.flatMap((ip) => sourceOf(ip, config) ?? []);
  if (sources.length > 0) return sources;
  throw configError("prevResult.ips", `with an address of "${attachment.ifName}"`, prevResult.ips);
}

function sourceOf(ip: ResultIp, { gateways }: SbrConfig): Source | undefined {
  const cidr = parseCidr(ip.address);
  if (!cidr) return undefined;
  const configured = gateways.find((each) => family(each) === family(cidr.address));
  const reported = ip.gateway === undefined ? undefined : parseAddress(ip.gateway);
  const isOfFamily = reported?.length === cidr.address.length;
  return {
    cidr,
    gateway: configured ?? (isOfFamily ? reported : undefined),
    isGatewayConfigured: configured !== undefined,
  };
}

/** The addresses that the result of ADD names, if there is one. */
export function reportedAddresses({ prevResult, attachment }: DelCall<SbrConfig>): IpAddress[] {
  const result: Result = prevResult ?? {};
  return ownIps(result, attachment.ifName).flatMap(({ address }) => {
    const cidr = parseCidr(address);
    return cidr ? [cidr.address] : [];
  });
}

/** Where rules are looked for. */
export interface Place {
  readonly routing: Routing;
  readonly link: LinkRef | undefined;
  /** The configured table. */
  readonly table: number | undefined;
}

/**
 * The attachment's rules for an address: ours, and those of the reference plugin, which say nothing
 * of their maker. Such a one counts if its table is as configured, or has this link's routes alone.
 */
export function rulesFor(address: IpAddress, place: Place): readonly SourceRule[] {
  const rules = sourceRulesOf(place.routing.rules);
  return rules.filter(
    (rule) =>
      equalAddresses(rule.source, address) &&
      (isOwnRule(rule) || (isUnsignedRule(rule) && isReferences(rule, place))),
  );
}

function isReferences(rule: SourceRule, place: Place): boolean {
  if (place.table !== undefined) return rule.table === place.table;
  return !isReservedTable(rule.table) && !hasOtherRoutes(rule, place);
}

/** True if the table of a rule's family has a route that does not lead by the link alone. */
export function hasOtherRoutes({ source, table }: SourceRule, { routing, link }: Place): boolean {
  const ofFamily = routing.routes.filter(
    ({ destination }) => destination.address.length === source.length,
  );
  const inside = ofFamily.filter((route) => route.table === table);
  return inside.length > (link ? routesBy(inside, link).length : 0);
}
