/** The DNS of a cluster: CoreDNS on each node, and its service. */
import type { Cluster } from "./cluster.ts";
import { dnsImage, rareImages } from "./images.ts";
import type { Pod } from "./objects.ts";

/** Where all pods ask. */
export const DNS = "10.96.0.10";

/** As clusters have it: the names of services and pods, from the API server. */
const objects = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: coredns, namespace: kube-system }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: coredns }
rules:
- { apiGroups: [""], resources: [services, pods, namespaces], verbs: [list, watch] }
- { apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: coredns }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: coredns }
subjects: [{ kind: ServiceAccount, name: coredns, namespace: kube-system }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: coredns, namespace: kube-system }
data:
  Corefile: |
    .:53 {
      errors
      ready
      kubernetes cluster.local in-addr.arpa ip6.arpa
      cache 1
    }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: coredns, namespace: kube-system }
spec:
  selector: { matchLabels: { k8s-app: kube-dns } }
  template:
    metadata: { labels: { app: kube-dns, k8s-app: kube-dns } }
    spec:
      serviceAccountName: coredns
      dnsPolicy: Default
      containers:
      - name: coredns
        image: ${dnsImage}
        args: [-conf, /etc/coredns/Corefile]
        readinessProbe: { httpGet: { path: /ready, port: 8181 }, periodSeconds: 1 }
        volumeMounts: [{ name: corefile, mountPath: /etc/coredns }]
      volumes: [{ name: corefile, configMap: { name: coredns } }]
---
apiVersion: v1
kind: Service
metadata: { name: kube-dns, namespace: kube-system }
spec:
  clusterIP: ${DNS}
  selector: { k8s-app: kube-dns }
  ports:
  - { name: dns, port: 53, protocol: UDP }
  - { name: dns-tcp, port: 53, protocol: TCP }
`;

/** Starts it, and waits until each node's answers; returns the pods. */
export async function startDns(cluster: Cluster): Promise<readonly Pod[]> {
  for (const node of cluster.nodes) node.give(rareImages.coredns);
  const file = `${cluster.bed.folder("dns")}/objects.yaml`;
  cluster.bed.write(file, objects);
  cluster.kubectl(`apply -f ${file}`);
  let found: readonly Pod[] = [];
  await cluster.until("DNS", () => {
    found = cluster.podsOf("kube-system");
    return found.length === cluster.nodes.length && found.every(({ isReady }) => isReady);
  });
  return found;
}
