/** Objects of Kubernetes that the tests make, and what they read of pods. */
import type { Config } from "../bed/invocation.ts";
import { boxImage } from "../runtimes/box.ts";

/** What a test asks of a pod. */
export interface Pod {
  readonly name: string;
  readonly app: string;
  readonly node: string;
  readonly address: string;
  /** The same and the one of the other family, if there is one. */
  readonly addresses: readonly string[];
  readonly isReady: boolean;
  /** The identifier of its first container. */
  readonly container: string;
}

interface RawPod {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly containerID?: string }[];
  };
}

export function podOf(raw: Config): Pod {
  const { metadata, spec, status } = raw as unknown as RawPod;
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  const [first] = status.containerStatuses ?? [];
  return {
    name: metadata.name,
    app: metadata.labels?.app ?? "",
    node: spec.nodeName ?? "",
    address: status.podIP ?? "",
    addresses: (status.podIPs ?? []).map(({ ip }) => ip),
    isReady: ready?.status === "True",
    container: first?.containerID?.replace("containerd://", "") ?? "",
  };
}

/** What pods are like: they answer on port 80. */
export interface PodWish {
  readonly app: string;
  /** The name of its Deployment, if that is not the app's. */
  readonly name?: string;
  readonly node?: string;
  readonly hostPort?: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

function templateOf({ app, name, node, hostPort, annotations }: PodWish) {
  const port = { containerPort: 80, ...(hostPort === undefined ? {} : { hostPort }) };
  return {
    metadata: {
      labels: { app, deployment: name ?? app },
      ...(annotations ? { annotations } : {}),
    },
    spec: {
      ...(node ? { nodeSelector: { "kubernetes.io/hostname": node } } : {}),
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "box", image: boxImage, ports: [port] }],
    },
  };
}

/** A pod, for the folder `pods`; it is named after its app. */
export function pod(wish: PodWish): Config {
  const { metadata, spec } = templateOf(wish);
  return { apiVersion: "v1", kind: "Pod", metadata: { ...metadata, name: wish.app }, spec };
}

/** For the folder `deployments`. */
export function deployment(wish: PodWish, replicas: number): Config {
  const { app, name = app } = wish;
  const template = templateOf(wish);
  const spec = { replicas, selector: { matchLabels: template.metadata.labels }, template };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name }, spec };
}

/** A service of an app's pods on port 80, with more of its specification; for the folder `services`. */
export function service(app: string, more: Config = {}): Config {
  const spec = { selector: { app }, ports: [{ port: 80, targetPort: 80 }], ...more };
  return { apiVersion: "v1", kind: "Service", metadata: { name: app }, spec };
}

/** Where a service is found, by what the API server says of it. */
export function serviceOf(raw: Config): ServicePlace {
  const { clusterIP, clusterIPs, ports } = (raw as unknown as RawService).spec;
  return { address: clusterIP, addresses: clusterIPs, nodePort: ports[0]?.nodePort ?? 0 };
}

interface ServicePlace {
  readonly address: string;
  /** The same and the one of the other family, if there is one. */
  readonly addresses: readonly string[];
  readonly nodePort: number;
}

interface RawService {
  readonly spec: {
    readonly clusterIP: string;
    readonly clusterIPs: readonly string[];
    readonly ports: readonly { readonly nodePort?: number }[];
  };
}
