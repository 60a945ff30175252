/** The real API server of Kubernetes: etcd, TLS, RBAC, tokens of service accounts; no other part of a cluster. */
import { resolve } from "node:path";
import type { Bed } from "../bed/bed.ts";
import { UNTIL_NEXT_SECOND } from "../bed/certificates.ts";
import { Daemon } from "../bed/daemon.ts";
import type { Config } from "../bed/invocation.ts";
import { apiServerFile } from "../bed/paths.ts";
import { Etcd } from "./etcd.ts";
import { applyOf, placeOf } from "./objects.ts";
import { ADMIN, type Ask, requestOf } from "./request.ts";

/** An answer; the body is an object if it is JSON, else an empty one. */
export interface Answer {
  readonly status: number;
  readonly body: Config;
  readonly text: string;
}

/** What every kubelet writes. */
const USUAL: Readonly<Record<string, string>> = {
  "volumes.kubernetes.io/controller-managed-attach-detach": "true",
};

const PORT = 6443;
/** Where pods reach it. */
const IN_CLUSTER = "10.96.0.1";

const NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

/** What the server's certificate is, if it is not a good one. */
export interface Certificate {
  readonly by?: "ca" | "other";
  readonly days?: number;
  readonly names?: string;
}

/** What the accounts of hosts have asked for is written down. */
const AUDIT = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: Request
  userGroups: ["system:serviceaccounts:kube-flannel"]
- level: None
`;

/** A request that an account of hosts has sent. */
export interface Audited {
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent: string;
  readonly requestObject?: unknown;
  readonly responseStatus: { readonly code: number };
}

/** A running API server. */
export class ApiServer {
  readonly #bed: Bed;
  readonly #start: () => Daemon;
  #daemon: Daemon;
  /** Where its certificates and keys are. */
  readonly folder: string;
  readonly address: string;
  readonly url: string;
  readonly etcd: Etcd;
  /** The certificate of its authority, in PEM. */
  readonly authority: string;

  private constructor(bed: Bed, address: string, etcd: Etcd, words: string) {
    this.#bed = bed;
    this.folder = bed.folder("api");
    this.address = address;
    this.url = `https://${address}:${PORT}`;
    this.etcd = etcd;
    makeAuthorities(bed, this.folder);
    this.certify();
    bed.write(`${this.folder}/audit.yaml`, AUDIT);
    bed.write(`${this.folder}/tokens`, `${ADMIN},admin,admin,"system:masters"\n`);
    this.authority = bed.read(`${this.folder}/ca.crt`);
    this.#start = () => new Daemon(bed, `${command(this.folder, address, etcd.url)} ${words}`);
    this.#daemon = this.#start();
  }

  /** Starts one with an etcd of its own on an address of the bed's host; `words`: more of its flags, and of etcd's. */
  static async start(bed: Bed, address: string, words = "", etcdWords = ""): Promise<ApiServer> {
    const etcd = await new Etcd(bed, "127.0.0.1", 2479, { words: etcdWords }).ready();
    const server = new ApiServer(bed, address, etcd, words);
    await server.ready();
    return server;
  }

  /** Gives it a certificate, which it shows when it is started. */
  certify(certificate: Certificate = {}): void {
    const { by = "ca", days = 30, names = `IP:${this.address},IP:${IN_CLUSTER}` } = certificate;
    this.#bed.host.sh(`
      cd ${this.folder} && exec 2>&1
      openssl req ${NEW_KEY} -keyout server.key -out server.csr -subj /CN=kube-apiserver
      echo 'subjectAltName=${names}' >names
      openssl x509 -req -in server.csr -CA ${by}.crt -CAkey ${by}.key -CAcreateserial -days ${days} -extfile names -out server.crt
      ${days === 0 ? UNTIL_NEXT_SECOND : ""}`);
  }

  /** Waits until it is ready for all. */
  async ready(): Promise<void> {
    await this.#daemon.until("the API server", () => this.#isReady());
  }

  /** Ends it; its connections break. */
  async kill(): Promise<void> {
    await this.#daemon.kill();
  }

  /** Starts it again, with all it knew. */
  async restart(): Promise<void> {
    this.#daemon = this.#start();
    await this.ready();
  }

  #isReady(): boolean {
    try {
      return this.ask({ path: "/readyz" }).status === 200;
    } catch {
      return false;
    }
  }

  /** Sends a request. */
  ask(ask: Ask): Answer {
    const [answer] = this.askAll([ask]);
    if (!answer) throw new Error("no answer");
    return answer;
  }

  /** The same for many, some at the same time. */
  askAll(asks: readonly Ask[]): readonly Answer[] {
    const requests = asks.map(requestOf);
    const file = `${this.folder}/requests`;
    this.#bed.write(file, JSON.stringify({ base: this.url, requests }));
    const script = resolve(import.meta.dirname, "ask.mjs");
    const answers = JSON.parse(this.#bed.host.sh(`node ${script} ${file}`)) as readonly Raw[];
    return answers.map(({ status, body }) => ({ status, body: object(body), text: body }));
  }

  /** Sends a request that has to succeed, and returns what it says. */
  do(ask: Ask): Config {
    const { status, body, text } = this.ask(ask);
    if (status >= 300) throw new Error(`${ask.method ?? "GET"} ${ask.path}: ${status} ${text}`);
    return body;
  }

  /** Makes a node, with an annotation of the kubelet's: flanneld ends by a panic where there is none. */
  addNode(name: string, podCIDRs: readonly string[], annotations = USUAL): Config {
    const metadata = { name, annotations };
    const spec = { podCIDR: podCIDRs[0], podCIDRs };
    const body = { apiVersion: "v1", kind: "Node", metadata, spec };
    return this.do({ method: "POST", path: "/api/v1/nodes", body });
  }

  removeNode(name: string): void {
    this.do({ method: "DELETE", path: `/api/v1/nodes/${name}` });
  }

  node(name: string): Config {
    return this.do({ path: `/api/v1/nodes/${name}` });
  }

  /** Applies objects of YAML, strictly. */
  apply(objects: readonly string[]): readonly Answer[] {
    return objects.map((text) => this.ask(applyOf(text)));
  }

  /** Asks, strictly, whether an object of YAML could be made; nothing is made. */
  wouldCreate(text: string): Answer {
    const path = `${placeOf(text).folder}?dryRun=All&fieldValidation=Strict`;
    return this.ask({ method: "POST", path, body: text, type: "application/yaml" });
  }

  /** All that hosts have asked for, but for watches that are under way. */
  audited(): readonly Audited[] {
    const lines = this.#bed.read(`${this.folder}/audit.log`).split("\n").filter(Boolean);
    return lines.map((line) => JSON.parse(line) as Audited);
  }

  /** Sets annotations of a Node; null takes one away. */
  annotate(name: string, annotations: Readonly<Record<string, string | null>>): void {
    this.do({
      method: "PATCH",
      path: `/api/v1/nodes/${name}`,
      body: { metadata: { annotations } },
      type: "application/merge-patch+json",
    });
  }

  /** A token of a service account, as the kubelet asks for it; it ends with a Secret, if one is given. */
  token(
    namespace: string,
    account: string,
    secret?: { readonly name: string; readonly uid: string },
  ): string {
    const bound = secret && { apiVersion: "v1", kind: "Secret", ...secret };
    const body = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 3600, boundObjectRef: bound },
    };
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
    const { status } = this.do({ method: "POST", path, body }) as { status: { token: string } };
    return status.token;
  }

  /** A kubeconfig file for whoever has a token; without one for an administrator. */
  kubeconfig(token = ADMIN): string {
    const authority = Buffer.from(this.authority).toString("base64");
    return `apiVersion: v1
kind: Config
clusters:
- name: here
  cluster:
    server: ${this.url}
    certificate-authority-data: ${authority}
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
}

interface Raw {
  readonly status: number;
  readonly body: string;
}

function object(text: string): Config {
  try {
    return JSON.parse(text) as Config;
  } catch {
    return {};
  }
}

function command(folder: string, address: string, etcd: string): string {
  return `${apiServerFile} --etcd-servers=${etcd} --bind-address=${address} --secure-port=${PORT}
    --advertise-address=${address} --endpoint-reconciler-type=none
    --tls-cert-file=${folder}/server.crt --tls-private-key-file=${folder}/server.key
    --client-ca-file=${folder}/ca.crt --token-auth-file=${folder}/tokens
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=${folder}/accounts.key
    --service-account-signing-key-file=${folder}/accounts.key --service-cluster-ip-range=10.96.0.0/16
    --audit-policy-file=${folder}/audit.yaml
    --audit-log-path=${folder}/audit.log --authorization-mode=Node,RBAC --v=0`.replace(/\s+/g, " ");
}

/** Two authorities, and the key that signs tokens. */
function makeAuthorities(bed: Bed, folder: string): void {
  const authority = (name: string, subject: string) =>
    `openssl req -x509 ${NEW_KEY} -keyout ${name}.key -out ${name}.crt -days 30 -subj /CN=${subject}`;
  bed.host.sh(`
    cd ${folder} && exec 2>&1
    ${authority("ca", "authority")}
    ${authority("other", "other")}
    openssl ecparam -name prime256v1 -genkey -noout -out accounts.key`);
}
