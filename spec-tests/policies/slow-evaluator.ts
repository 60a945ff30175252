/**
 * Whether network policies let a packet through, written once more for tests: of the objects as they
 * are in JSON, sentence by sentence of the API's reference, and as slowly as that is. It imports
 * nothing.
 */

// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes as they come
type Json = any;

/** Objects as the API has them. */
export interface Objects {
  readonly policies: readonly Json[];
  readonly pods: readonly Json[];
  readonly namespaces: readonly Json[];
}

/** The first packet of a connection; addresses are in canonical text. */
export interface Packet {
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
  readonly port: number;
}

/** Whether a host lets a packet through that comes from, or goes to, one of its pods. */
export function letsThrough(objects: Objects, packet: Packet, node: string): boolean {
  const isHere = (pod: Json) => pod.spec.nodeName === node;
  const senders = podsAt(objects, packet.from).filter(isHere);
  const receivers = podsAt(objects, packet.to).filter(isHere);
  return (
    senders.every((pod) => isAllowed(objects, pod, { packet, type: "Egress" })) &&
    receivers.every((pod) => isAllowed(objects, pod, { packet, type: "Ingress" }))
  );
}

/** The pods whose network an address is now. */
export function podsAt({ pods }: Objects, address: string): readonly Json[] {
  return pods.filter((pod) => {
    if (pod.spec.hostNetwork === true) return false;
    if (["Succeeded", "Failed"].includes(pod.status.phase)) return false;
    return (pod.status.podIPs ?? []).some(({ ip }: Json) => ip === address);
  });
}

interface Question {
  readonly packet: Packet;
  readonly type: "Ingress" | "Egress";
}

/**
 * By default a pod is not isolated. It is if a policy selects it and has this direction in its
 * policyTypes; then what any of these policies allows is allowed.
 */
function isAllowed(objects: Objects, pod: Json, { packet, type }: Question): boolean {
  const policies = objects.policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === pod.metadata.namespace &&
      isSelected(spec.podSelector ?? {}, pod.metadata.labels ?? {}) &&
      typesOf(spec).includes(type),
  );
  if (policies.length === 0) return true;
  return policies.some(({ metadata, spec }) => {
    const rules = (type === "Ingress" ? spec.ingress : spec.egress) ?? [];
    return rules.some((rule: Json) => {
      const peers = (type === "Ingress" ? rule.from : rule.to) ?? [];
      const address = type === "Ingress" ? packet.from : packet.to;
      const isFrom = (peer: Json) =>
        isPeer(objects, { ...peer, namespace: metadata.namespace }, address);
      const destinations = type === "Ingress" ? [pod] : podsAt(objects, packet.to);
      const isTo = (port: Json) => isPort(port, packet, destinations);
      const ports = rule.ports ?? [];
      return (peers.length === 0 || peers.some(isFrom)) && (ports.length === 0 || ports.some(isTo));
    });
  });
}

/** "If this field is not specified, it will default based on the existence of … egress rules." */
function typesOf(spec: Json): readonly string[] {
  if ((spec.policyTypes ?? []).length > 0) return spec.policyTypes;
  return (spec.egress ?? []).length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
}

/** An address that several pods have is a peer only if each of them is; `namespace` is the policy's. */
function isPeer(objects: Objects, peer: Json, address: string): boolean {
  if (peer.ipBlock) {
    const { cidr, except = [] } = peer.ipBlock;
    return isWithin(cidr, address) && !except.some((each: string) => isWithin(each, address));
  }
  const pods = podsAt(objects, address);
  return pods.length > 0 && pods.every((pod) => isChosen(objects, peer, pod));
}

function isChosen(objects: Objects, peer: Json, pod: Json): boolean {
  if (!isSelected(peer.podSelector ?? {}, pod.metadata.labels ?? {})) return false;
  if (!peer.namespaceSelector) return pod.metadata.namespace === peer.namespace;
  const own = objects.namespaces.find((each) => each.metadata.name === pod.metadata.namespace);
  return own !== undefined && isSelected(peer.namespaceSelector, own.metadata.labels ?? {});
}

function isPort(
  { protocol = "TCP", port, endPort }: Json,
  packet: Packet,
  destinations: readonly Json[],
): boolean {
  if (protocol !== packet.protocol) return false;
  if (port === undefined) return true;
  if (typeof port === "number") return packet.port >= port && packet.port <= (endPort ?? port);
  const hasName = (pod: Json) =>
    pod.spec.containers.some((container: Json) =>
      (container.ports ?? []).some(
        (each: Json) =>
          each.name === port &&
          each.containerPort === packet.port &&
          (each.protocol ?? "TCP") === protocol,
      ),
    );
  return destinations.length > 0 && destinations.every(hasName);
}

function isSelected({ matchLabels = {}, matchExpressions = [] }: Json, labels: Json): boolean {
  const areEqual = Object.keys(matchLabels).every((key) => labels[key] === matchLabels[key]);
  return (
    areEqual &&
    matchExpressions.every(({ key, operator, values }: Json) => {
      if (operator === "Exists") return key in labels;
      if (operator === "DoesNotExist") return !(key in labels);
      if (operator === "In") return key in labels && values.includes(labels[key]);
      return !(key in labels && values.includes(labels[key]));
    })
  );
}

function isWithin(cidr: string, address: string): boolean {
  const [network = "", length = ""] = cidr.split("/");
  const [a, b] = [bits(network), bits(address)];
  return a.length === b.length && a.slice(0, Number(length)) === b.slice(0, Number(length));
}

/** The bits of an address, as text: four octets, or groups of four hexadecimal digits. */
function bits(address: string): string {
  if (!address.includes(":")) {
    return address
      .split(".")
      .map((octet) => Number(octet).toString(2).padStart(8, "0"))
      .join("");
  }
  const [head = "", tail] = address.split("::");
  const [left, right] = [head, tail ?? ""].map((text) => (text === "" ? [] : text.split(":")));
  const missing = tail === undefined ? 0 : 8 - (left?.length ?? 0) - (right?.length ?? 0);
  return [...(left ?? []), ...Array(missing).fill("0"), ...(right ?? [])]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, "0"))
    .join("");
}
