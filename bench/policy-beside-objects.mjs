// @ts-check
// What bench/policy-beside.mjs has in the store of its API server: the cluster of bench/policy-cluster.mjs, and
// in it two pods that are measured.
import { cluster } from "./policy-cluster.mjs";

export const NODE = "here";
export const CLIENT = "10.99.1.2";
export const SERVER = "10.99.2.2";

/**
 * Fills an etcd before its API server starts.
 * @param {{ send: (ask: import("./cluster/http.mjs").Ask) => Promise<any> }} etcd
 * @param {ReturnType<typeof cluster>} all
 */
export async function fill({ send }, all) {
  const base64 = (/** @type {string} */ text) => Buffer.from(text).toString("base64");
  const entries = objects(all);
  for (let i = 0; i < entries.length; i += 100) {
    const success = entries.slice(i, i + 100).map(({ key, value }) => ({
      requestPut: { key: base64(key), value: base64(JSON.stringify(value)) },
    }));
    await send({ path: "/v3/kv/txn", body: { success } });
  }
}

/** All objects, as the API server has them in its store. @param {ReturnType<typeof cluster>} all */
function objects({ namespaces, pods, policies }) {
  const own = [
    ownPod("client", CLIENT, { role: "friend" }),
    ownPod("server", SERVER, { role: "server" }),
  ];
  const anywhere = [{ ipBlock: { cidr: "10.0.0.0/8" } }];
  const ownPolicies = [
    policy("open", { podSelector: {}, policyTypes: ["Egress"], egress: [{ to: anywhere }] }),
    policy("friends", {
      podSelector: { matchLabels: { role: "server" } },
      ingress: [{ from: [{ podSelector: { matchLabels: { role: "friend" } } }] }],
    }),
  ];
  const node = {
    kind: "Node",
    metadata: { name: NODE, annotations: { "node.alpha.kubernetes.io/ttl": "300" } },
    spec: { podCIDR: "10.200.1.0/24", podCIDRs: ["10.200.1.0/24"] },
  };
  return [...namespaces, ...pods, ...own, ...policies, ...ownPolicies, node].map(stored);
}

/** @param {string} name @param {string} ip @param {Readonly<Record<string, string>>} labels */
function ownPod(name, ip, labels) {
  return {
    kind: "Pod",
    metadata: { namespace: "team-0", name, labels },
    spec: { nodeName: NODE, containers: [] },
    status: { phase: "Running", podIPs: [{ ip }] },
  };
}

/** @param {string} name @param {object} spec */
function policy(name, spec) {
  return { kind: "NetworkPolicy", metadata: { namespace: "team-0", name }, spec };
}

const folders = /** @type {Readonly<Record<string, string>>} */ ({
  Pod: "pods",
  Namespace: "namespaces",
  Node: "minions",
  NetworkPolicy: "networkpolicies",
});

/** @param {any} object @param {number} i */
function stored(object, i) {
  const { kind, metadata, spec = {}, status = {} } = object;
  const uid = `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`;
  const creationTimestamp = "2026-11-01T00:00:00Z";
  const value = {
    apiVersion: kind === "NetworkPolicy" ? "networking.k8s.io/v1" : "v1",
    kind,
    metadata: { ...metadata, uid, creationTimestamp },
    spec: kind === "Pod" ? podSpec(spec) : spec,
    status: kind === "Pod" ? { ...status, podIP: status.podIPs[0].ip } : status,
  };
  const { namespace, name } = metadata;
  const path = [folders[kind], ...(namespace ? [namespace] : []), name].join("/");
  return { key: `/registry/${path}`, value };
}

/** As the API server fills it in. @param {any} spec */
function podSpec(spec) {
  const { ports = [] } = spec.containers[0] ?? {};
  const container = {
    ...{ name: "main", image: "registry.example.com/a-team/a-service:v1.0.0", ports },
    ...{ imagePullPolicy: "IfNotPresent", terminationMessagePath: "/dev/termination-log" },
  };
  return {
    ...{ nodeName: spec.nodeName, containers: [container], restartPolicy: "Always" },
    ...{ dnsPolicy: "ClusterFirst", schedulerName: "default-scheduler" },
  };
}
