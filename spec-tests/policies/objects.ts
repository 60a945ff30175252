/** Objects of Kubernetes that network policies are about, and where an API server has them. */

/** An object of JSON. */
export type Json = { readonly [key: string]: unknown };

/** What a pod is made of here. */
export interface PodWords {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly Json[];
}

export function namespaceObject(name: string, labels: Readonly<Record<string, string>>): Json {
  const own = { "kubernetes.io/metadata.name": name };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: { ...labels, ...own } } };
}

export function podObject({ namespace, name, node, addresses, labels, ports }: PodWords): Json {
  const podIPs = addresses.map((ip) => ({ ip }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name, labels },
    spec: { nodeName: node, containers: [{ name: "main", image: "none", ports }] },
    status: { phase: "Running", podIP: addresses[0], podIPs },
  };
}

export function policyObject(namespace: string, name: string, spec: Json): Json {
  const apiVersion = "networking.k8s.io/v1";
  return { apiVersion, kind: "NetworkPolicy", metadata: { namespace, name }, spec };
}

/** The folder that an API server has an object in, and its name there. */
export function placeOfObject({ kind, metadata }: Json): { folder: string; name: string } {
  const { namespace, name } = metadata as { readonly namespace: string; readonly name: string };
  if (kind === "Namespace") return { folder: "/api/v1/namespaces", name };
  if (kind === "Pod") return { folder: `/api/v1/namespaces/${namespace}/pods`, name };
  return {
    folder: `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`,
    name,
  };
}
