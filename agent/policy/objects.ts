/** Pods and namespaces: what of them counts for network policies. */

import { formatAddress, parseAddress } from "../../lib/ip/address.ts";
import { isObject, type JsonObject } from "../../lib/overlay/contract/host.ts";
import type { NamedPort, Protocol } from "./policy.ts";
import type { Labels } from "./selector.ts";
import { Unreadable } from "./unreadable.ts";

/** A port that a container of a pod has a name for. */
export interface ContainerPort extends NamedPort {
  readonly port: number;
}

/** A pod. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  /** Another pod of the same name has another one; "" if it is not said. */
  readonly uid: string;
  /** The host it is on, "" if none yet. */
  readonly node: string;
  readonly labels: Labels;
  /** Canonical texts; those of a pod that does not count are somebody else's. */
  readonly addresses: readonly string[];
  readonly ports: readonly ContainerPort[];
  /** Why policies neither choose it nor allow it, in words that follow its name. */
  readonly absence: string | undefined;
  /** Why it cannot be understood, in words: no rule allows it, and it is isolated where others may be. */
  readonly fault: string | undefined;
}

/** A namespace. */
export interface Namespace {
  readonly name: string;
  readonly labels: Labels;
}

/** Every namespace has this label, with its name as the value. */
export const NAME_LABEL = "kubernetes.io/metadata.name";

/** Reads a Namespace. Throws Unreadable. */
export function readNamespace(json: JsonObject): Namespace {
  const metadata = member(json, "metadata");
  const name = nameIn(metadata);
  return { name, labels: { [NAME_LABEL]: name, ...labelsIn(metadata) } };
}

/** Reads a Pod. Throws Unreadable if it has no name or namespace. */
export function readPod(json: JsonObject): Pod {
  const [metadata, spec, status] = [
    member(json, "metadata"),
    member(json, "spec"),
    member(json, "status"),
  ];
  const { namespace } = metadata;
  const name = nameIn(metadata);
  const uid = typeof metadata.uid === "string" ? metadata.uid : "";
  if (typeof namespace !== "string") throw new Unreadable("it has no namespace");
  const node = typeof spec.nodeName === "string" ? spec.nodeName : "";
  const absence = absenceOf(spec, status);
  const pod = { namespace, name, uid, node, absence };
  try {
    const addresses = absence === undefined ? addressesIn(status) : [];
    const facts = { labels: labelsIn(metadata), addresses, ports: portsIn(spec) };
    return { ...pod, ...facts, fault: undefined };
  } catch (cause) {
    if (!(cause instanceof Unreadable)) throw cause;
    const addresses = absence === undefined ? readableAddresses(status) : [];
    return { ...pod, labels: {}, addresses, ports: [], fault: cause.message };
  }
}

function member(json: JsonObject, name: string): JsonObject {
  const value = json[name];
  return isObject(value) ? value : {};
}

function nameIn({ name }: JsonObject): string {
  if (typeof name === "string" && name !== "") return name;
  throw new Unreadable("it has no name");
}

function labelsIn({ labels }: JsonObject): Labels {
  const found = labels ?? {};
  if (isObject(found) && Object.values(found).every((value) => typeof value === "string")) {
    return found as Labels;
  }
  throw new Unreadable("its labels are no texts");
}

/** A finished pod keeps its address in the API, and another one may have it meanwhile. */
function absenceOf({ hostNetwork }: JsonObject, { phase }: JsonObject): string | undefined {
  if (hostNetwork === true) return "has the host's network";
  const isFinished = phase === "Succeeded" || phase === "Failed";
  return isFinished ? `has ended (${phase})` : undefined;
}

function addressesIn(status: JsonObject): readonly string[] {
  const all = addressTexts(status).map((text) => {
    const address = parseAddress(text);
    if (address) return formatAddress(address);
    throw new Unreadable(`its address is ${JSON.stringify(text.slice(0, 80))}`);
  });
  return [...new Set(all)];
}

function readableAddresses(status: JsonObject): readonly string[] {
  const all = addressTexts(status).map((text) => parseAddress(text));
  return [...new Set(all.flatMap((each) => (each ? [formatAddress(each)] : [])))];
}

function addressTexts({ podIPs, podIP }: JsonObject): readonly string[] {
  const list: readonly unknown[] = Array.isArray(podIPs) ? podIPs : [];
  const texts = [...list.map((each) => (isObject(each) ? each.ip : undefined)), podIP];
  return texts.filter((text) => typeof text === "string" && text !== "") as string[];
}

/** Of containers, and of those that are started first and stay. */
function portsIn({ containers, initContainers }: JsonObject): readonly ContainerPort[] {
  const lists = [containers, initContainers].map((list) => (Array.isArray(list) ? list : []));
  const staying = (lists[1] ?? []).filter(
    (each) => isObject(each) && each.restartPolicy === "Always",
  );
  const all = [...(lists[0] ?? []), ...staying].flatMap((container: unknown) =>
    isObject(container) && Array.isArray(container.ports) ? container.ports : [],
  );
  const found = all.flatMap((port: unknown) => (isObject(port) ? namedPort(port) : []));
  return found.length === 0 ? NO_PORTS : found;
}

const NO_PORTS: readonly ContainerPort[] = [];

function namedPort({ name, containerPort, protocol }: JsonObject): ContainerPort[] {
  const isNamed = typeof name === "string" && name !== "" && typeof containerPort === "number";
  return isNamed ? [{ name, port: containerPort, protocol: (protocol || "TCP") as Protocol }] : [];
}

/** The numbers that a pod has a name for, each once. */
export function portsNamed({ ports }: Pod, { protocol, name }: NamedPort): readonly number[] {
  if (ports.length === 0) return [];
  const all = ports.filter((each) => each.name === name && each.protocol === protocol);
  return [...new Set(all.map(({ port }) => port))].sort((a, b) => a - b);
}
