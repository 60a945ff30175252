/** What is told of an attachment, as the kernel says it, or else as it was asked for. */

import * as host from "host";
import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import type { Glance, GlancedPort } from "../../lib/inventory/glance.ts";
import type { Link } from "../../lib/net/link.ts";
import { namesOwner } from "../../lib/net/owner.ts";
import { rateIn } from "../../lib/net/rates.ts";
import { hostVethName } from "../../lib/net/veth.ts";
import type { Kept } from "../cache.ts";
import { cidrsOf, hostLinksOf, objectsIn } from "../results.ts";
import type { Attached } from "./attached.ts";

/** A port of the host that leads to a container, in the words of `portMappings`. */
export interface Mapping {
  readonly hostPort: number;
  readonly containerPort?: number | undefined;
  readonly protocol: string;
  readonly hostIP?: string | undefined;
}

/** Bits per second; what is not limited is left out. */
export interface Rates {
  readonly ingressRate?: number;
  readonly egressRate?: number;
}

/** Whose work an attachment is; "other" is a plugin that this suite has none of the name of. */
export type Maker = "weft" | "flannel" | "reference" | "other" | "unknown";

/** The addresses of the result, with their lengths; where there is none, those that it has here. */
export function addressesTold({ kept, addresses }: Attached): readonly string[] {
  const told = cidrsOf(kept?.result);
  return told.length > 0 ? told : addresses;
}

/** The ports that lead to it by nf_tables; where there are none, those that were asked for. */
export function mappingsOf({ ports, kept }: Attached): readonly Mapping[] {
  const found = ports.map(mappingIn);
  if (found.length === 0) return mappingsAsked(kept);
  const distinct = new Map(found.map((each) => [JSON.stringify(each), each]));
  return [...distinct.values()].sort((a, b) => a.hostPort - b.hostPort);
}

function mappingIn({ hostPort, containerPort, protocol, hostIP }: GlancedPort): Mapping {
  return { hostPort, containerPort, protocol, ...(hostIP === undefined ? {} : { hostIP }) };
}

/** The ports that ADD was told; a mapping without a port of the host is none. */
export function mappingsAsked(kept: Kept | undefined): readonly Mapping[] {
  return objectsIn(kept?.capabilities?.portMappings).flatMap((mapping) => {
    const { hostPort, containerPort, protocol, hostIP } = mapping;
    if (typeof hostPort !== "number" || hostPort <= 0) return [];
    return {
      hostPort,
      containerPort: typeof containerPort === "number" ? containerPort : undefined,
      protocol: typeof protocol === "string" && protocol !== "" ? protocol.toLowerCase() : "tcp",
      ...(typeof hostIP === "string" && hostIP !== "" ? { hostIP } : {}),
    };
  });
}

/** What its links send at most; where it has none here, what was asked for. */
export function ratesOf({ links, kept }: Attached, { qdiscs }: Glance): Rates {
  if (links.length === 0) return ratesAsked(kept);
  const rateOf = (kind: (link: Link) => boolean) =>
    links.filter(kind).flatMap(({ index }) => rateIn(qdiscs.get(index) ?? []) ?? [])[0];
  return given(
    rateOf(({ kind }) => kind !== "ifb"),
    rateOf(({ kind }) => kind === "ifb"),
  );
}

/** The rates that ADD was told. */
export function ratesAsked(kept: Kept | undefined): Rates {
  const limits: Json = kept?.capabilities?.bandwidth ?? null;
  const { ingressRate, egressRate }: JsonObject = isObject(limits) ? limits : {};
  return given(numberIn(ingressRate), numberIn(egressRate));
}

function numberIn(value: Json | undefined): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}

function given(ingressRate: number | undefined, egressRate: number | undefined): Rates {
  return {
    ...(ingressRate === undefined ? {} : { ingressRate }),
    ...(egressRate === undefined ? {} : { egressRate }),
  };
}

/**
 * Who made it. A mark of this suite decides, or a name that only it computes; without one, the list
 * it was made by: what has links here and bears no mark is other plugins' of these names.
 */
export function makerOf(attached: Attached, isFlannels: (containerID: string) => boolean): Maker {
  const { owner, links, comments, kept, plugins } = attached;
  if (comments.length > 0 || links.some(({ alias }) => namesOwner(alias))) return "weft";
  const own = [0, 1, 2, 3].map((attempt) => hostVethName(owner, attempt));
  if (hostLinksOf(kept?.result).some((name) => own.includes(name))) return "weft";
  if (plugins[0] === "flannel" || isFlannels(owner.containerID)) return "flannel";
  if (plugins.some((type) => !host.commands().includes(type))) return "other";
  return links.length > 0 ? "reference" : "unknown";
}

/** As `--capability` takes it: `127.0.0.1:8080:80/tcp`. */
export function mappingInWords({ hostIP, hostPort, containerPort, protocol }: Mapping): string {
  const address = hostIP?.includes(":") ? `[${hostIP}]` : hostIP;
  const at = address === undefined ? "" : `${address}:`;
  const to = containerPort === undefined ? "" : `:${containerPort}`;
  return `${at}${hostPort}${to}/${protocol}`;
}

/** `in 8M out 4M`: bits per second. */
export function ratesInWords({ ingressRate, egressRate }: Rates): string {
  return [
    ...(ingressRate === undefined ? [] : [`in ${rateInWords(ingressRate)}`]),
    ...(egressRate === undefined ? [] : [`out ${rateInWords(egressRate)}`]),
  ].join(" ");
}

/** 8000000 is `8M`. */
export function rateInWords(rate: number): string {
  const at = Math.min(3, Math.max(0, Math.floor(Math.log10(rate) / 3)));
  return `${Number((rate / 1000 ** at).toPrecision(3))}${["", "k", "M", "G"][at]}`;
}
