/**
 * CHECK of what every interface plugin makes: the container's link, its addresses and its routes,
 * compared with the result of ADD. Each test returns what is wrong in words, or undefined.
 */

import type { CheckCall } from "../cni/call.ts";
import { configError } from "../cni/error.ts";
import * as ipam from "../cni/ipam.ts";
import type { NetConf } from "../cni/netconf.ts";
import type { Result, ResultInterface, ResultIp } from "../cni/result.ts";
import { checkFailed, confirm } from "../cni/verdict.ts";
import { cidrsOf, ipsOf } from "../cni/whose.ts";
import { parseAddress } from "../ip/address.ts";
import { type Cidr, containsAddress, networkOf, parseCidr } from "../ip/cidr.ts";
import { formatMac } from "../ip/mac.ts";
import { findAddressFault, findRouteFault } from "../net/expect.ts";
import { findLink, type Link } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";

type Check = CheckCall<NetConf>;

/**
 * The whole CHECK of a link that has nothing on the host: of a kind, up, and as it was reported.
 * Returns it for what else a plugin looks at.
 */
export function checkInside(call: Check, container: Netns, kind: string): Link {
  requireResult(call);
  const inside = requireInside(call, container, kind);
  const fault =
    reportFault(call, inside) ?? downFault(inside) ?? leaseFault(call, container, inside);
  confirm(call, fault);
  return inside;
}

/** What CHECK begins with: the result of ADD, and what IPAM says of the attachment. */
export function requireResult(call: Check): Result {
  const { prevResult } = call;
  if (!prevResult) throw configError("prevResult", "given for CHECK", undefined);
  ipam.checkLease(call);
  return prevResult;
}

/** The container's link; throws code 104 if it is missing, or of another kind than one given. */
export function requireInside(call: CheckCall<unknown>, container: Netns, kind?: string): Link {
  const inside = findLink(container, call.attachment.ifName);
  if (!inside) throw checkFailed(call, "there is no such interface");
  if (kind === undefined || inside.kind === kind) return inside;
  const article = kind.startsWith("i") ? "an" : "a";
  throw checkFailed(call, `it should be ${article} ${kind}, found "${inside.kind}"`);
}

/** A link of the host that ADD reported as well, in words: `bridge "cni0"`. */
export interface Outside {
  readonly link: Link;
  readonly inWords: string;
}

/** The links bear the hardware addresses that were reported, and the container's its sandbox. */
export function reportFault(
  { netns, prevResult = {} }: Check,
  inside: Link,
  outside: readonly Outside[] = [],
): string | undefined {
  const own = reported(prevResult, inside.name, true);
  if (!own) return "prevResult does not list it";
  if (own.sandbox !== netns) {
    return `Sandbox in prevResult "${own.sandbox}" doesn't match configured netns: "${netns}"`;
  }
  const found = outside.map((each) => ({
    ...each,
    entry: reported(prevResult, each.link.name, false),
  }));
  const missing = found.find(({ entry }) => !entry);
  if (missing) return `prevResult does not list ${missing.inWords}`;
  const faults = found.map(({ entry, link }) => macFault(entry, link));
  return [macFault(own, inside), ...faults].find((fault) => fault !== undefined);
}

function reported(result: Result, name: string, inside: boolean): ResultInterface | undefined {
  return result.interfaces?.find(
    (link) => link.name === name && ((link.sandbox ?? "") !== "") === inside,
  );
}

function macFault(entry: ResultInterface | undefined, link: Link): string | undefined {
  const { mac = "" } = entry ?? {};
  const found = formatMac(link.mac);
  if (mac === "" || mac.toLowerCase() === found) return undefined;
  return `"${link.name}" should have hardware address ${mac}, found ${found}`;
}

/** The container's link is up. */
export function downFault({ isUp }: Link): string | undefined {
  return isUp ? undefined : "it should be up";
}

/** The container's link has the addresses that were reported, and its namespace the routes. */
export function leaseFault(call: Check, container: Netns, inside: Link): string | undefined {
  const addresses = cidrsOf(ownIps(call));
  return (
    findAddressFault(container, inside, addresses) ??
    findRouteFault(container, reportedRoutes(call.prevResult ?? {}, addresses))
  );
}

/** ADD says of its addresses whose they are; only if nobody does, all that may be are looked for. */
export function ownIps({ attachment, prevResult = {} }: Check): readonly ResultIp[] {
  const own = ipsOf(prevResult, attachment.ifName, "own");
  return own.length > 0 ? own : ipsOf(prevResult, attachment.ifName, "unsaid");
}

/** The routes by way of this attachment's subnets: others' are in the result of a list as well. */
export function reportedRoutes({ routes = [] }: Result, addresses: readonly Cidr[]) {
  return routes.flatMap(({ dst, gw, table }) => {
    const destination = parseCidr(dst);
    const gateway = gw === undefined ? undefined : parseAddress(gw);
    const isOurs = !gateway || addresses.some((cidr) => containsAddress(networkOf(cidr), gateway));
    return destination && isOurs ? [{ destination, gateway, table }] : [];
  });
}
