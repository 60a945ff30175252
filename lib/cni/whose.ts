/**
 * Whose the links and addresses of a result are. A result is of a whole list: besides the
 * container's it may name the loopback's and the host's, and plugins of others may not say whose.
 *
 *   own         CNI_IFNAME's
 *   container   of another link that is said to be in the container, next to CNI_IFNAME
 *   unsaid      nothing tells; it is taken for the container's, of which results are about
 *   host        of a link that is known to be the host's
 *   loopback    of `lo`, or an address that only a loopback can have
 */

import { isLoopback } from "../ip/address.ts";
import { type Cidr, parseCidr } from "../ip/cidr.ts";
import type { Result, ResultInterface, ResultIp } from "./result.ts";

/** Whose a link or an address is. */
export type Holder = "own" | "container" | "unsaid" | "host" | "loopback";

/**
 * Whose a link of a result is. Who writes `sandbox` at all writes it at every link in the
 * container; who writes none is understood by CNI_IFNAME, if that is among the names.
 */
export function holderOfLink(
  link: ResultInterface,
  { interfaces = [] }: Result,
  ifName: string,
): Holder {
  const others = interfaces.filter(({ name }) => name !== "lo");
  const named = others.filter(({ name }) => name === ifName);
  if (link.name === "lo") return "loopback";
  if (link.name === ifName) return isInside(link) || !named.some(isInside) ? "own" : "host";
  if (isInside(link)) return named.length > 0 ? "container" : "unsaid";
  if (link.name === "") return "unsaid";
  return named.length > 0 || others.some(isInside) ? "host" : "unsaid";
}

function isInside({ sandbox = "" }: ResultInterface): boolean {
  return sandbox !== "";
}

/** Whose an address of a result is. */
export function holderOfIp(ip: ResultIp, result: Result, ifName: string): Holder {
  if (isLoopbackAddress(ip)) return "loopback";
  const link = result.interfaces?.[ip.interface ?? -1];
  return link === undefined ? "unsaid" : holderOfLink(link, result, ifName);
}

function isLoopbackAddress({ address }: ResultIp): boolean {
  const cidr = parseCidr(address);
  return cidr !== undefined && isLoopback(cidr.address);
}

/** The addresses of a result that these hold, those of the first before those of the next. */
export function ipsOf(result: Result, ifName: string, ...holders: Holder[]): readonly ResultIp[] {
  const ips = (result.ips ?? []).map((ip) => ({ ip, holder: holderOfIp(ip, result, ifName) }));
  return holders.flatMap((wanted) =>
    ips.filter(({ holder }) => holder === wanted).map(({ ip }) => ip),
  );
}

/** CNI_IFNAME's addresses, and those of which nothing tells. */
export function ownIps(result: Result, ifName: string): readonly ResultIp[] {
  return ipsOf(result, ifName, "own", "unsaid");
}

/** All addresses of the container, CNI_IFNAME's first. */
export function containerIps(result: Result, ifName: string): readonly ResultIp[] {
  return ipsOf(result, ifName, "own", "unsaid", "container");
}

/** Addresses of a result as values. */
export function cidrsOf(ips: readonly ResultIp[]): readonly Cidr[] {
  return ips.flatMap(({ address }) => parseCidr(address) ?? []);
}

/** The names of the links that are, or may be, the host's. */
export function hostLinks(result: Result, ifName: string): readonly string[] {
  const links = (result.interfaces ?? []).filter((link) => !isInside(link));
  const isHosts = (link: ResultInterface) =>
    ["host", "unsaid"].includes(holderOfLink(link, result, ifName));
  return links.filter(isHosts).map(({ name }) => name);
}

/**
 * The part of a result that a main plugin after it passes on: without the loopback, of which
 * nobody who asks for addresses wants to know, and without indexes that would lead to links to come.
 */
export function passedOn(result: Result): Result & Required<Pick<Result, "interfaces" | "ips">> {
  const { interfaces = [], ips = [] } = result;
  const kept = interfaces.filter(({ name }) => name !== "lo");
  return {
    ...result,
    interfaces: kept,
    ips: ips.flatMap(({ interface: index = -1, ...ip }) => {
      const link = interfaces[index];
      if (isLoopbackAddress(ip) || link?.name === "lo") return [];
      return [link === undefined ? ip : { ...ip, interface: kept.indexOf(link) }];
    }),
  };
}
