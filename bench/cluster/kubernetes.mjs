// @ts-check
// A real API server with so many Nodes of usual size in it.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { root, run, work } from "../machine.mjs";
import { nextPort, startEtcd } from "./etcd.mjs";
import { hostOf, STORES } from "./hosts.mjs";
import { client, each } from "./http.mjs";

export const apiServer = `${root}/.cache/cluster/kube-apiserver-1.34.4`;

const TOKEN = "the-administrators-token";
const PORT = 6443;
const P = "flannel.alpha.coreos.com/";

/** An authority, the server's certificate, the key that signs tokens. */
function makeCertificates(/** @type {string} */ folder) {
  const key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
  const script = `cd ${folder} && exec 2>/dev/null
    openssl req -x509 ${key} -keyout ca.key -out ca.crt -days 30 -subj /CN=authority
    openssl req ${key} -keyout server.key -out server.csr -subj /CN=kube-apiserver
    echo 'subjectAltName=IP:${STORES}' >names
    openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile names -out server.crt
    openssl ecparam -name prime256v1 -genkey -noout -out accounts.key`;
  run("sh", ["-c", script]);
}

/**
 * Starts one; `prepare` may write to its store before, and `more` are words for it.
 * @param {{ readonly prepare?: (etcd: Awaited<ReturnType<typeof startEtcd>>) => Promise<void>,
 *   readonly more?: readonly string[] }} options
 */
export async function startApiServer({ prepare = async () => {}, more = [] } = {}) {
  const etcd = await startEtcd(nextPort());
  await prepare(etcd);
  const folder = `${work}/api`;
  mkdirSync(folder);
  makeCertificates(folder);
  writeFileSync(`${folder}/tokens`, `${TOKEN},admin,admin,"system:masters"\n`);
  const words = [
    ...[`--etcd-servers=${etcd.url}`, `--bind-address=${STORES}`, `--secure-port=${PORT}`],
    ...[`--advertise-address=${STORES}`, "--endpoint-reconciler-type=none"],
    ...[`--tls-cert-file=${folder}/server.crt`, `--tls-private-key-file=${folder}/server.key`],
    ...[`--client-ca-file=${folder}/ca.crt`, `--token-auth-file=${folder}/tokens`],
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${folder}/accounts.key`,
    `--service-account-signing-key-file=${folder}/accounts.key`,
    ...["--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=RBAC"],
    ...more,
  ];
  const child = spawn(apiServer, words, { stdio: "ignore" });
  const url = `https://${STORES}:${PORT}`;
  const ca = readFileSync(`${folder}/ca.crt`, "utf8");
  const { send } = client({ base: url, ca, headers: { Authorization: `Bearer ${TOKEN}` } });
  for (let i = 0; ; i++) {
    try {
      await send({ method: "GET", path: "/readyz" });
      break;
    } catch (cause) {
      if (i > 1_000) throw cause;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const stop = () => {
    child.kill("SIGKILL");
    etcd.stop();
  };
  return { url, ca, send, stop, token: TOKEN };
}

/** The annotations by which flannel's hosts know each other. */
function annotationsOf(/** @type {number} */ i, generation = 0) {
  const { publicIP, mac } = hostOf(i, generation);
  return {
    [`${P}backend-data`]: JSON.stringify({ VNI: 1, VtepMAC: mac }),
    [`${P}backend-type`]: "vxlan",
    [`${P}kube-subnet-manager`]: "true",
    [`${P}public-ip`]: publicIP,
  };
}

/** A node as a kubelet reports it: 10 KB, most of which are the images that it has. */
function nodeOf(/** @type {number} */ i) {
  const { subnet, publicIP } = hostOf(i);
  const name = nameOf(i);
  const quantities = {
    cpu: "16",
    "ephemeral-storage": "100476624Ki",
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
    memory: "65855332Ki",
    pods: "110",
  };
  const digest = (/** @type {string} */ text) => createHash("sha256").update(text).digest("hex");
  const image = (/** @type {number} */ k) => {
    const path = `registry.example.com/a-team-of-${k % 7}/a-service-${k}`;
    return {
      names: [`${path}@sha256:${digest(path)}`, `${path}:v1.${k}.0`],
      sizeBytes: 20_000_000 + 1e6 * k,
    };
  };
  const condition = (
    /** @type {string} */ type,
    /** @type {string} */ status,
    /** @type {string} */ reason,
  ) => ({
    ...{ type, status, reason, message: `kubelet has found this out: ${reason}` },
    ...{ lastHeartbeatTime: "2026-11-27T18:00:00Z", lastTransitionTime: "2026-11-20T06:00:00Z" },
  });
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "failure-domain.beta.kubernetes.io/region": "eu-central-1",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "m6i.4xlarge",
        "topology.kubernetes.io/region": "eu-central-1",
        "topology.kubernetes.io/zone": `eu-central-1${"abc"[i % 3]}`,
      },
      annotations: {
        ...annotationsOf(i),
        "kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/containerd/containerd.sock",
        "node.alpha.kubernetes.io/ttl": "300",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
      },
    },
    spec: {
      podCIDR: subnet,
      podCIDRs: [subnet],
      providerID: `cloud:///eu-central-1/${digest(name).slice(0, 17)}`,
    },
    status: {
      addresses: [
        { type: "InternalIP", address: publicIP },
        { type: "Hostname", address: name },
      ],
      capacity: quantities,
      allocatable: quantities,
      conditions: [
        condition("NetworkUnavailable", "False", "FlannelIsUp"),
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID"),
        condition("Ready", "True", "KubeletReady"),
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      images: Array.from({ length: 25 }, (_, k) => image((i + k) % 100)),
      nodeInfo: {
        machineID: digest(name).slice(0, 32),
        systemUUID: digest(name).slice(0, 36),
        bootID: digest(name).slice(0, 36),
        kernelVersion: "6.12.48+deb13-amd64",
        osImage: "Debian GNU/Linux 13 (trixie)",
        containerRuntimeVersion: "containerd://2.1.9",
        kubeletVersion: "v1.34.4",
        kubeProxyVersion: "",
        operatingSystem: "linux",
        architecture: "amd64",
      },
    },
  };
}

const nameOf = (/** @type {number} */ i) => `node-${String(i).padStart(5, "0")}.example.internal`;

/** What a measured host is called, and the subnet it has. */
const ownName = (/** @type {import("./hosts.mjs").Host} */ { name }) => `${name}.example.internal`;

const RIGHTS = [
  { apiGroups: [""], resources: ["pods"], verbs: ["get"] },
  { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch"] },
  { apiGroups: [""], resources: ["nodes/status"], verbs: ["patch"] },
];

/**
 * One with `count` Nodes that are not there, and with those that are measured.
 * @param {number} count
 * @param {readonly import("./hosts.mjs").Host[]} hosts
 */
export async function kubernetesStore(count, hosts) {
  const { url, ca, send, stop } = await startApiServer();
  const rbac = "/apis/rbac.authorization.k8s.io/v1";
  await send({ path: "/api/v1/namespaces", body: { metadata: { name: "kube-flannel" } } });
  const accounts = "/api/v1/namespaces/kube-flannel/serviceaccounts";
  await send({ path: accounts, body: { metadata: { name: "flannel" } } });
  await send({
    path: `${rbac}/clusterroles`,
    body: { metadata: { name: "flannel" }, rules: RIGHTS },
  });
  await send({
    path: `${rbac}/clusterrolebindings`,
    body: {
      metadata: { name: "flannel" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "flannel" },
      subjects: [{ kind: "ServiceAccount", name: "flannel", namespace: "kube-flannel" }],
    },
  });
  const { status } = await send({
    path: `${accounts}/flannel/token`,
    body: { spec: { expirationSeconds: 86_400 } },
  });
  const indexes = Array.from({ length: count }, (_, i) => i);
  await each(indexes, (i) => send({ path: "/api/v1/nodes", body: nodeOf(i) }));
  for (const host of hosts) {
    const node = nodeOf(0);
    const podCIDR = `10.200.${host.number}.0/24`;
    const metadata = {
      name: ownName(host),
      annotations: { "node.alpha.kubernetes.io/ttl": "300" },
    };
    await send({
      path: "/api/v1/nodes",
      body: { ...node, metadata, spec: { podCIDR, podCIDRs: [podCIDR] } },
    });
  }
  const kubeconfig = `${work}/kubeconfig`;
  writeFileSync(kubeconfig, kubeconfigOf(url, ca, status.token));
  const netConf = `${work}/net-conf.json`;
  writeFileSync(netConf, JSON.stringify({ Network: "10.0.0.0/8", Backend: { Type: "vxlan" } }));
  return {
    name: "kubernetes",
    count,
    bytes: JSON.stringify(await send({ method: "GET", path: `/api/v1/nodes/${nameOf(0)}` })).length,
    change: async (/** @type {number} */ i, generation = 0) => {
      const body = { metadata: { annotations: annotationsOf(i, generation) } };
      const type = "application/merge-patch+json";
      await send({ method: "PATCH", path: `/api/v1/nodes/${nameOf(i)}/status`, body, type });
    },
    words: () => [
      "--kube-subnet-mgr",
      `--kubeconfig-file=${kubeconfig}`,
      `--net-config-path=${netConf}`,
    ],
    variables: (/** @type {import("./hosts.mjs").Host} */ host) => ({ NODE_NAME: ownName(host) }),
    stop,
  };
}

/**
 * @param {string} server
 * @param {string} ca
 * @param {string} token
 */
export function kubeconfigOf(server, ca, token) {
  return `apiVersion: v1
kind: Config
clusters:
- name: here
  cluster:
    server: ${server}
    certificate-authority-data: ${Buffer.from(ca).toString("base64")}
users:
- name: flannel
  user:
    token: ${token}
contexts:
- name: default
  context:
    cluster: here
    user: flannel
current-context: default
`;
}

/** Whether a real one has been built. */
export const hasApiServer = () => existsSync(apiServer);
