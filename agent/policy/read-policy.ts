/** Reads NetworkPolicies, by the API reference of networking.k8s.io/v1. */

import { type Cidr, containsAddress, parseCidr } from "../../lib/ip/cidr.ts";
import { isObject, type JsonObject } from "../../lib/overlay/contract/host.ts";
import type { Block, Direction, Policy, PolicyPeer, PolicyPort, PolicyRule } from "./policy.ts";
import { everything, readSelector, type Selector } from "./selector.ts";
import { listIn, objectIn, textsIn, Unreadable } from "./unreadable.ts";

/**
 * Reads a policy. One that cannot be understood allows nothing: it isolates the pods that its
 * podSelector chooses, or all of its namespace if that is it, in the directions that its policyTypes
 * say, or both if these are it. Throws Unreadable if it has no name or namespace.
 */
export function readPolicy(json: JsonObject): Policy {
  const { namespace, name } = isObject(json.metadata) ? json.metadata : ({} as JsonObject);
  if (typeof name !== "string" || name === "") throw new Unreadable("it has no name");
  if (typeof namespace !== "string") throw new Unreadable("it has no namespace");
  const spec = withoutTooMany(json.spec);
  try {
    return { namespace, name, spec, ...readSpec(spec, namespace), fault: undefined };
  } catch (cause) {
    if (!(cause instanceof Unreadable)) throw cause;
    return { namespace, name, spec, ...isolation(spec), fault: cause.message };
  }
}

/**
 * How many peers a policy may allow, each port of them counted: more need more memory than there is, for what
 * they say and for the rules that are made of it.
 */
const MOST_ALLOWED = 2000;
const TOO_MANY = "tooMany";

/** A spec; of one that is too large only what it isolates, and how large it is. */
function withoutTooMany(spec: unknown): unknown {
  if (!isObject(spec)) return spec;
  const count = allowedBy(spec.ingress, "from") + allowedBy(spec.egress, "to");
  if (count <= MOST_ALLOWED) return spec;
  const policyTypes = otherwise(() => typesOf(spec), ["Ingress", "Egress"]);
  return { podSelector: spec.podSelector, policyTypes, [TOO_MANY]: count };
}

function allowedBy(rules: unknown, name: string): number {
  const sum = (list: unknown, of: (each: unknown) => number) =>
    Array.isArray(list) ? list.reduce((total, each) => total + of(each), 0) : 0;
  return sum(rules, (rule) => {
    if (!isObject(rule)) return 1;
    const peers = sum(rule[name], (peer) => 1 + exceptionsOf(peer));
    return (
      Math.max(1, peers) *
      Math.max(
        1,
        sum(rule.ports, () => 1),
      )
    );
  });
}

function exceptionsOf(peer: unknown): number {
  const { except } = isObject(peer) && isObject(peer.ipBlock) ? peer.ipBlock : ({} as JsonObject);
  return Array.isArray(except) ? except.length : 0;
}

function requireFew(json: unknown): void {
  const count = isObject(json) ? json[TOO_MANY] : undefined;
  if (count === undefined) return;
  throw new Unreadable(
    `it allows ${count} peers and ports, and at most ${MOST_ALLOWED} can be enforced`,
  );
}

type Spec = Pick<Policy, "pods" | Direction>;

const MEMBERS = ["podSelector", "ingress", "egress", "policyTypes"];

function readSpec(json: unknown, namespace: string): Spec {
  requireFew(json);
  const spec = objectIn(json ?? {}, "spec", MEMBERS);
  const rules = (direction: Direction, peers: string): readonly PolicyRule[] =>
    (listIn(spec[direction], `spec.${direction}`) ?? []).map((each, i) =>
      readRule(each, { where: `spec.${direction}[${i}]`, namespace, peers }),
    );
  const [ingress, egress] = [rules("ingress", "from"), rules("egress", "to")];
  const types = typesOf(spec);
  return {
    pods: readSelector(spec.podSelector ?? {}, "spec.podSelector"),
    ingress: types.includes("Ingress") ? ingress : undefined,
    egress: types.includes("Egress") ? egress : undefined,
  };
}

/** A policy that says no types is about ingress, and about egress if it has rules for that. */
function typesOf({ policyTypes, egress }: JsonObject): readonly string[] {
  const types = textsIn(policyTypes, "spec.policyTypes") ?? [];
  const unknown = types.find((each) => each !== "Ingress" && each !== "Egress");
  if (unknown !== undefined) {
    const name = JSON.stringify(unknown.slice(0, 80));
    throw new Unreadable(`spec.policyTypes has ${name}, neither Ingress nor Egress`);
  }
  if (types.length > 0) return types;
  const hasEgress = Array.isArray(egress) ? egress.length > 0 : (egress ?? undefined) !== undefined;
  return hasEgress ? ["Ingress", "Egress"] : ["Ingress"];
}

/** What is left of a policy that cannot be understood. */
function isolation(json: unknown): Spec {
  const spec: JsonObject = isObject(json) ? json : {};
  const types = otherwise(() => typesOf(spec), ["Ingress", "Egress"]);
  const pods = (): Selector => readSelector(spec.podSelector ?? {}, "spec.podSelector");
  return {
    pods: otherwise(pods, everything),
    ingress: types.includes("Ingress") ? [] : undefined,
    egress: types.includes("Egress") ? [] : undefined,
  };
}

function otherwise<T>(read: () => T, instead: T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof Unreadable)) throw cause;
    return instead;
  }
}

interface Place {
  readonly where: string;
  readonly namespace: string;
  /** What the list of peers is called. */
  readonly peers: string;
}

function readRule(json: unknown, { where, namespace, peers: name }: Place): PolicyRule {
  const rule = objectIn(json, where, [name, "ports"]);
  const peers = listIn(rule[name], `${where}.${name}`) ?? [];
  const ports = listIn(rule.ports, `${where}.ports`) ?? [];
  return {
    peers: orAny(peers.map((each, i) => readPeer(each, `${where}.${name}[${i}]`, namespace))),
    ports: orAny(ports.map((each, i) => readPort(each, `${where}.ports[${i}]`))),
  };
}

/** An empty list is as a missing one: any. */
function orAny<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

function readPeer(json: unknown, where: string, namespace: string): PolicyPeer {
  const peer = objectIn(json, where, ["podSelector", "namespaceSelector", "ipBlock"]);
  const { podSelector = null, namespaceSelector = null, ipBlock = null } = peer;
  const isOfPods = podSelector !== null || namespaceSelector !== null;
  if (isOfPods === (ipBlock !== null)) {
    const state = isOfPods ? "selectors and an ipBlock" : "neither a selector nor an ipBlock";
    throw new Unreadable(`${where} has ${state}`);
  }
  if (ipBlock !== null) return readBlock(ipBlock, `${where}.ipBlock`);
  const pods = readSelector(podSelector ?? {}, `${where}.podSelector`);
  if (namespaceSelector === null) return { namespace, namespaces: undefined, pods };
  const namespaces = readSelector(namespaceSelector, `${where}.namespaceSelector`);
  return { namespace: undefined, namespaces, pods };
}

function readBlock(json: unknown, where: string): Block {
  const { cidr, except } = objectIn(json, where, ["cidr", "except"]);
  const block = readCidr(cidr, `${where}.cidr`);
  const texts = textsIn(except, `${where}.except`) ?? [];
  const all = texts.map((text, i) => {
    const inner = readCidr(text, `${where}.except[${i}]`);
    const isWithin = inner.prefixLength > block.prefixLength;
    if (isWithin && containsAddress(block, inner.address)) return inner;
    throw new Unreadable(`${where}.except[${i}] is not within ${where}.cidr`);
  });
  return { block, except: all };
}

function readCidr(json: unknown, where: string): Cidr {
  const cidr = typeof json === "string" ? parseCidr(json) : undefined;
  if (cidr) return cidr;
  throw new Unreadable(`${where} is ${inWords(json)}, no network such as 192.0.2.0/24`);
}

function readPort(json: unknown, where: string): PolicyPort {
  const members = objectIn(json, where, ["protocol", "port", "endPort"]);
  const { port = null, endPort = null } = members;
  const protocol = members.protocol ?? "TCP";
  if (protocol !== "TCP" && protocol !== "UDP" && protocol !== "SCTP") {
    throw new Unreadable(`${where}.protocol is ${inWords(protocol)}, none of TCP, UDP and SCTP`);
  }
  if (typeof port === "number") {
    const [first, last] = [port, endPort ?? port];
    if (isPort(first) && isPort(last) && first <= last) return { protocol, range: [first, last] };
    throw new Unreadable(`${where} has no range of ports from 1 to 65535`);
  }
  if (endPort !== null) throw new Unreadable(`${where}.endPort is not for a port without a number`);
  if (port === null) return { protocol, range: undefined };
  if (typeof port === "string") return { protocol, name: port };
  throw new Unreadable(`${where}.port is ${inWords(port)}, neither a number nor a name`);
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;
}

function inWords(json: unknown): string {
  return (JSON.stringify(json) ?? "missing").slice(0, 80);
}
