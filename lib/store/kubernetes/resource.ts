/** Kinds of objects that are listed and watched. */

/** One kind of objects of the API. */
export interface Resource {
  /** Where they are listed, without a query. */
  readonly path: string;
  /** As RBAC has it: `nodes`. */
  readonly name: string;
  /** Of one of them: `Node`. */
  readonly kind: string;
  /** No cluster has more, and no server makes this host keep more. */
  readonly most: number;
  /** True if they are read in JSON alone. */
  readonly isJson?: boolean | undefined;
}

export const nodes: Resource = {
  ...{ path: "/api/v1/nodes", name: "nodes", kind: "Node", most: 100_000 },
};
export const pods: Resource = {
  ...{ path: "/api/v1/pods", name: "pods", kind: "Pod", most: 250_000 },
};
export const namespaces: Resource = {
  ...{ path: "/api/v1/namespaces", name: "namespaces", kind: "Namespace", most: 100_000 },
};
export const networkPolicies: Resource = {
  path: "/apis/networking.k8s.io/v1/networkpolicies",
  name: "networkpolicies.networking.k8s.io",
  kind: "NetworkPolicy",
  most: 100_000,
  isJson: true,
};
