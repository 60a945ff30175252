/** A Node of Kubernetes: what of it is read, and which host of the network it is. */

import { isGlobalUnicast, parseAddress } from "../../ip/address.ts";
import { type Cidr, formatCidr, networkOf, overlapCidrs, parseCidr } from "../../ip/cidr.ts";
import { isMulticastMac, isZeroMac, type Mac, parseMac } from "../../ip/mac.ts";
import { isObject, type JsonObject } from "../../overlay/contract/host.ts";
import type { NetworkConfig, NetworkFamily } from "../network.ts";
import type { StoreHost } from "../store.ts";
import type { AnnotationNames, Annotations } from "./annotations.ts";

/** What is read of a Node. */
export interface NodeFacts {
  readonly name: string;
  /** Another one if a Node is deleted and made again under its name. */
  readonly uid: string;
  readonly version: string;
  readonly podCidrs: readonly string[];
  readonly annotations: Annotations;
}

/** Reads a Node; undefined if it is none. */
export function factsOf(node: unknown, names: AnnotationNames): NodeFacts | undefined {
  const { metadata, spec } = objectOf(node);
  const { name, uid, resourceVersion, annotations } = objectOf(metadata);
  if (typeof name !== "string" || name === "") return undefined;
  return {
    name,
    uid: textOf(uid) ?? "",
    version: textOf(resourceVersion) ?? "",
    podCidrs: podCidrsOf(objectOf(spec)),
    annotations: annotationsOf(objectOf(annotations), names),
  };
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function podCidrsOf({ podCIDR, podCIDRs }: JsonObject): readonly string[] {
  const list: readonly unknown[] = Array.isArray(podCIDRs) ? podCIDRs : [];
  const texts = list.flatMap((each) => textOf(each) ?? []);
  return texts.length > 0 ? texts : [textOf(podCIDR) ?? ""].filter((text) => text !== "");
}

function annotationsOf(json: JsonObject, names: AnnotationNames): Annotations {
  const found: Record<string, string> = {};
  for (const key of Object.keys(names) as (keyof AnnotationNames)[]) {
    const value = textOf(json[names[key]]);
    if (value !== undefined) found[key] = value;
  }
  return found;
}

/** What keeps a Node from being a host, in words; `isMeant` if it says that it is one. */
export interface NodeFault {
  readonly fault: string;
  readonly isMeant: boolean;
}

/** The host that a Node is, by the rules of flannel. */
export function hostOf(facts: NodeFacts, network: NetworkConfig): StoreHost | NodeFault {
  const { managed, type = "" } = facts.annotations;
  if (managed !== "true") return { fault: "flannel does not manage it", isMeant: false };
  if (type !== network.backend.type) return { fault: `its backend is "${type}"`, isMeant: false };
  try {
    return hostIn(facts, network);
  } catch (cause) {
    if (!(cause instanceof Unusable)) throw cause;
    return { fault: cause.message, isMeant: true };
  }
}

class Unusable extends Error {}

function hostIn({ annotations, podCidrs }: NodeFacts, network: NetworkConfig): StoreHost {
  const subnets = subnetsIn(podCidrs, network);
  if (typeof subnets === "string") throw new Unusable(subnets);
  const isVxlan = network.backend.type === "vxlan";
  const [is4, is6] = [4, 16].map((bytes) => familyIn(network, bytes) !== undefined);
  return {
    subnets,
    publicIP: is4 ? addressIn(annotations, "publicIP", 4) : undefined,
    publicIPv6: is6 ? addressIn(annotations, "publicIPv6", 16) : undefined,
    backend: network.backend.type,
    vtepMac: is4 && isVxlan ? macIn(annotations, "data") : undefined,
    vtepMacV6: is6 && isVxlan ? macIn(annotations, "dataV6") : undefined,
  };
}

function familyIn({ families }: NetworkConfig, bytes: number): NetworkFamily | undefined {
  return families.find(({ network }) => network.address.length === bytes);
}

/** One of each family of the network, IPv4 first; a text is what is wrong. */
export function subnetsIn(texts: readonly string[], network: NetworkConfig): Cidr[] | string {
  const cidrs = texts.map((text) => ({ text, cidr: parseCidr(text) }));
  const unread = cidrs.find(({ cidr }) => !cidr);
  if (unread) return `its podCIDR ${inWords(unread.text)} is no subnet`;
  const subnets: Cidr[] = [];
  for (const { network: whole } of network.families) {
    const { cidr } = cidrs.find((each) => each.cidr?.address.length === whole.address.length) ?? {};
    const family = whole.address.length === 4 ? "IPv4" : "IPv6";
    if (!cidr) return `it has no podCIDR of ${family}`;
    const isWithin = cidr.prefixLength >= whole.prefixLength && overlapCidrs(cidr, whole);
    if (!isWithin) return `its podCIDR ${formatCidr(cidr)} is not within ${formatCidr(whole)}`;
    subnets.push(networkOf(cidr));
  }
  return subnets;
}

function addressIn(annotations: Annotations, key: "publicIP" | "publicIPv6", bytes: number) {
  const text = annotations[key];
  const address = parseAddress(text ?? "");
  if (address?.length === bytes && isGlobalUnicast(address)) return address;
  const name = key === "publicIP" ? "public-ip" : "public-ipv6";
  throw new Unusable(`its ${name} is ${inWords(text)}`);
}

function macIn(annotations: Annotations, key: "data" | "dataV6"): Mac {
  const text = annotations[key];
  const mac = parseMac(textOf(objectOf(parsed(text ?? "")).VtepMAC) ?? "");
  if (mac?.length === 6 && !isMulticastMac(mac) && !isZeroMac(mac)) return mac;
  const name = key === "data" ? "backend-data" : "backend-v6-data";
  throw new Unusable(`its ${name} is ${inWords(text)}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function inWords(text: string | undefined): string {
  if (text === undefined) return "missing";
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
