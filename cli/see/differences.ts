/** Where the kernel differs from what the result of ADD says, and from what ADD was asked for. */

import { isObject, type Json } from "../../lib/cni/json.ts";
import { addressesIn } from "../../lib/inventory/alive.ts";
import { addressesOf, cidrsOf, objectsIn } from "../results.ts";
import type { Attached } from "./attached.ts";
import type { Close, InsideLink } from "./closely.ts";
import { mappingInWords, mappingsAsked, type Rates, rateInWords, ratesAsked } from "./facts.ts";

/** What is compared. */
export interface Compared {
  readonly attached: Attached;
  readonly close: Close;
  /** What its links send at most. */
  readonly rates: Rates;
}

/** The differences, one sentence each; none where nothing is kept. */
export function differencesOf({ attached, close, rates }: Compared): readonly string[] {
  const { kept } = attached;
  if (!kept) return [];
  return [
    ...(attached.isAlive ? [] : [attached.why]),
    ...hostFaults(attached, close),
    ...(close.inside ? insideFaults(attached, close.inside) : lostInside(attached, close)),
    ...leaseFaults(attached),
    ...portFaults(attached, close),
    ...rateFaults(rates, attached),
  ];
}

/* ---- links ---- */

/** An interface as a result names it. */
interface NamedLink {
  readonly name: string;
  readonly mac: string;
  readonly isInside: boolean;
}

function linksIn(result: Json | undefined): readonly NamedLink[] {
  const links = isObject(result) ? objectsIn(result.interfaces) : [];
  return links.flatMap(({ name, mac, sandbox }) => {
    if (typeof name !== "string") return [];
    const isInside = typeof sandbox === "string" && sandbox !== "";
    return { name, mac: typeof mac === "string" ? mac.toLowerCase() : "", isInside };
  });
}

function hostFaults({ kept, hostLinks }: Attached, { host }: Close): readonly string[] {
  const outside = linksIn(kept?.result).filter(({ isInside }) => !isInside);
  return outside.flatMap(({ name, mac }) => {
    if (!hostLinks.includes(name)) return [`the host has no link ${name}`];
    const found = host.find((link) => link.name === name);
    return found ? macFault(name, mac, found.mac) : [];
  });
}

function macFault(name: string, told: string, found: string): readonly string[] {
  return told === "" || told === found ? [] : [`the MAC of ${name} is ${found}, not ${told}`];
}

/** That a namespace is gone has been said; nobody knows what is in one without a path. */
function lostInside({ kept, isAlive }: Attached, { insideFault = "" }: Close): readonly string[] {
  return isAlive && kept?.netns !== "" ? [insideFault] : [];
}

function insideFaults({ owner, kept }: Attached, inside: InsideLink): readonly string[] {
  const { ifName } = owner;
  const own = linksIn(kept?.result).find(({ name, isInside }) => isInside && name === ifName);
  const told = cidrsOf(kept?.result);
  const missing = told.filter((cidr) => !has(inside.addresses, cidr));
  const more = inside.addresses.filter((cidr) => !has(told, cidr));
  return [
    ...(own ? macFault(ifName, own.mac, inside.mac) : []),
    ...(inside.isUp ? [] : [`${ifName} is down`]),
    ...missing.map((cidr) => `${ifName} has no address ${cidr}`),
    ...more.map((cidr) => `${ifName} has the address ${cidr}, which the result does not`),
    ...routeFaults(kept?.result, inside),
  ];
}

/** The same address may be written in several ways; its length counts. */
function has(cidrs: readonly string[], cidr: string): boolean {
  return cidrs.some((each) => canonical(each) === canonical(cidr));
}

function canonical(cidr: string): string {
  return `${addressesIn(cidr)[0]}/${cidr.slice(cidr.lastIndexOf("/") + 1)}`;
}

function routeFaults(result: Json | undefined, { routes, name }: InsideLink): readonly string[] {
  return routesIn(result).flatMap(({ dst, gw, table }) => {
    if (typeof dst !== "string" || (table ?? 0) !== 0) return [];
    const to = /\/0$/.test(dst) ? "default" : canonical(dst);
    const via = typeof gw === "string" && gw !== "" ? addressesIn(gw)[0] : undefined;
    const isSix = dst.includes(":");
    const isThere = routes.some((route) => {
      const isSame =
        route.to === to && (to !== "default" || (route.via ?? dst).includes(":") === isSix);
      return isSame && (via === undefined || route.via === via);
    });
    return isThere
      ? []
      : [`${name} has no route to ${dst}${via === undefined ? "" : ` via ${via}`}`];
  });
}

function routesIn(result: Json | undefined) {
  if (!isObject(result)) return [];
  const first = [result.ip4, result.ip6].flatMap((each) =>
    isObject(each) ? objectsIn(each.routes) : [],
  );
  return [...first, ...objectsIn(result.routes)];
}

/* ---- what else ---- */

function leaseFaults({ kept, leases, ipamTypes }: Attached): readonly string[] {
  if (!ipamTypes.includes("host-local")) return [];
  const held = leases.map(({ address }) => address);
  const lost = addressesOf(kept?.result).filter((address) => !held.includes(address));
  return lost.map((address) => `no lease has the address ${address}`);
}

/** A port may be led here by rules of iptables, which have its number. */
function portFaults({ kept, ports, plugins }: Attached, { things }: Close): readonly string[] {
  if (!plugins.includes("portmap")) return [];
  const rules = things.filter(({ kind }) => kind === "rule").map(({ what }) => ` ${what} `);
  const lost = mappingsAsked(kept).filter(
    ({ hostPort, protocol }) =>
      !ports.some((port) => port.hostPort === hostPort && port.protocol === protocol) &&
      !rules.some((rule) => rule.includes(` --dport ${hostPort} `)),
  );
  return lost.map(
    (mapping) => `nothing was found that leads port ${mappingInWords(mapping)} to it`,
  );
}

function rateFaults(found: Rates, { kept, links, plugins }: Attached): readonly string[] {
  if (links.length === 0 || !plugins.includes("bandwidth")) return [];
  const asked = ratesAsked(kept);
  return (["ingressRate", "egressRate"] as const).flatMap((key) => {
    const [wanted, now] = [asked[key], found[key]];
    if (wanted === undefined || Math.floor(wanted / 8) * 8 === now) return [];
    const state = now === undefined ? "nothing limits it" : `the kernel has ${rateInWords(now)}`;
    return [`${key} was to be ${rateInWords(wanted)}, but ${state}`];
  });
}
