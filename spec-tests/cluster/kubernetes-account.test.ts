/** Whom a real API server believes, and whom the agent believes: tokens, rights, certificates. */
import { createPrivateKey, sign } from "node:crypto";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import { needs } from "../bed/kernel.ts";
import { waitUntil } from "../bed/patience.ts";
import { ApiServer } from "./api-server.ts";
import { addStoresAddress, type Host, STORES } from "./host.ts";
import {
  addAccount,
  addHost,
  addPhantom,
  leadsTo,
  manifestObjects,
  mountAccount,
  start,
  startPod,
  vxlan,
} from "./kubernetes.ts";

const server134 = "kube-apiserver 1.34.4";

async function serverIn(bed: Bed): Promise<ApiServer> {
  addStoresAddress(bed);
  return await ApiServer.start(bed, STORES);
}

/** Binds tokens to something that ends them when it is deleted. */
function addSecret(
  server: ApiServer,
  name: string,
): { readonly name: string; readonly uid: string } {
  const body = { apiVersion: "v1", kind: "Secret", metadata: { name } };
  const path = "/api/v1/namespaces/kube-flannel/secrets";
  const { metadata } = server.do({ method: "POST", path, body }) as { metadata: { uid: string } };
  return { name, uid: metadata.uid };
}

function removeSecret(server: ApiServer, name: string): void {
  server.do({ method: "DELETE", path: `/api/v1/namespaces/kube-flannel/secrets/${name}` });
}

/** The claims of a token, signed anew after some were changed. */
function resigned(bed: Bed, token: string, changes: object): string {
  const [header = "", claims = ""] = token.split(".");
  const text = JSON.stringify({ ...JSON.parse(`${Buffer.from(claims, "base64url")}`), ...changes });
  const words = `${header}.${Buffer.from(text).toString("base64url")}`;
  const key = createPrivateKey(bed.read("/run/bed/api/accounts.key"));
  const signature = sign("sha256", Buffer.from(words), { key, dsaEncoding: "ieee-p1363" });
  return `${words}.${signature.toString("base64url")}`;
}

describe("the token of a pod", () => {
  needs(server134)("is read again: expired, replaced, revoked", async ({ bed }) => {
    const server = await serverIn(bed);
    addAccount(server);
    const host = addHost(bed, server, 1);
    addPhantom(server, 8);
    const [first, second] = ["first", "second"].map((name) => addSecret(server, name));
    const bound = (to: typeof first) => server.token("kube-flannel", "flannel", to);
    const accepts = (token: string) => server.ask({ path: "/api/v1/nodes", token }).status === 200;
    const token = bound(first);
    const past = Math.floor(Date.now() / 1000) - 3600;
    const expired = resigned(bed, token, { iat: past - 3600, nbf: past - 3600, exp: past });
    expect([token, expired].map(accepts)).toEqual([true, false]);

    mountAccount(bed, host, server, expired);
    const agent = startPod(bed, host, vxlan);
    const refused =
      /Cannot GET https:\/\/\S+: 401 \(Unauthorized\): the server does not accept what \S+\/token says/;
    await agent.until("a refusal", () => refused.test(agent.said));
    expect(host.hasJoined).toBe(false);
    mountAccount(bed, host, server, token);
    await agent.until("the other", () => host.hasJoined && leadsTo(host, 8));

    const before = host.entries();
    mountAccount(bed, host, server, bound(second));
    removeSecret(server, "first");
    await agent.until("its end", () => !accepts(token));
    await server.kill();
    const refusals = () => agent.said.split(/401 \(Unauthorized\)/).length;
    const count = refusals();
    await server.restart();
    addPhantom(server, 9);
    await agent.until("news by another token", () => leadsTo(host, 9));
    expect(refusals()).toBe(count);

    removeSecret(server, "second");
    server.removeNode("phantom9");
    await agent.until("who has gone", () => host.entries() === before);
    await server.kill();
    await server.restart();
    await agent.until("a refusal of the second", () => refusals() > count);
    expect(host.entries()).toBe(before);
    mountAccount(bed, host, server, bound(addSecret(server, "third")));
    addPhantom(server, 10);
    await agent.until("news by a third token", () => leadsTo(host, 10));
    for (const part of token.split(".")) expect(agent.said).not.toContain(part);
  });
});

const ACCOUNT_USER = "system:serviceaccount:kube-flannel:flannel";

/** The files of a client certificate for a user, where the kubeconfig of a host names them; replaced each in one step. */
function certifyClient(bed: Bed, host: Host, user: string): void {
  bed.host.sh(`
    cd ${host.files} && exec 2>&1
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout new.key -out new.csr -subj '/CN=${user}'
    openssl x509 -req -in new.csr -CA /run/bed/api/ca.crt -CAkey /run/bed/api/ca.key -CAcreateserial -days 2 -out new.crt
    mv new.key client.key && mv new.crt client.crt`);
}

describe("the client certificate of a kubeconfig", () => {
  needs(server134)("is read again for new connections: replaced, gone", async ({ bed }) => {
    const server = await serverIn(bed);
    addAccount(server);
    const host = addHost(bed, server, 1);
    addPhantom(server, 8);
    certifyClient(bed, host, ACCOUNT_USER);
    const words = "client-certificate: client.crt\n    client-key: client.key";
    const kubeconfig = server.kubeconfig("").replace(/token: .*/, words);
    const agent = startWith(bed, host, kubeconfig);
    await agent.until("its subnet", () => host.hasJoined && leadsTo(host, 8));

    const reconnected = async () => {
      await server.kill();
      await server.restart();
    };
    const before = host.entries();
    certifyClient(bed, host, "somebody");
    await reconnected();
    const refused = /403 \(nodes is forbidden: User "somebody"/;
    await agent.until("a refusal of another user", () => refused.test(agent.said));
    expect(host.entries()).toBe(before);

    certifyClient(bed, host, ACCOUNT_USER);
    await reconnected();
    addPhantom(server, 9);
    await agent.until("news by the third certificate", () => leadsTo(host, 9));

    bed.host.sh(`rm ${host.files}/client.crt ${host.files}/client.key`);
    await reconnected();
    addPhantom(server, 10);
    await agent.until("news by what the files said last", () => leadsTo(host, 10));
  });
});

/** An agent by a kubeconfig of this text. */
function startWith(bed: Bed, host: Host, kubeconfig: string): Daemon {
  const [file, network] = ["kubeconfig", "net-conf.json"].map((name) => `${host.files}/${name}`);
  bed.write(`${file}`, kubeconfig);
  bed.write(`${network}`, JSON.stringify(vxlan));
  const words = `--kube-subnet-mgr --kubeconfig-file=${file} --net-config-path=${network}`;
  return host.join("agent", words, `NODE_NAME=${host.name}`);
}

/** The rules of flannel's ClusterRole, without one of the rights. */
function roleWithout(verb: string, resource: string): string {
  const rules: readonly (readonly [string, readonly string[]])[] = [
    ["pods", ["get"]],
    ["nodes", ["get", "list", "watch"]],
    ["nodes/status", ["patch"]],
  ];
  const left = rules.map(([name, verbs]) => ({
    apiGroups: [""],
    resources: [name],
    verbs: verbs.filter((each) => each !== verb || name !== resource),
  }));
  const role = manifestObjects().find((text) => /^kind: ClusterRole$/m.test(text)) ?? "";
  const kept = left.filter(({ verbs }) => verbs.length > 0);
  return role.replace(/^rules:[\s\S]*/m, `rules: ${JSON.stringify(kept)}\n`);
}

describe("a right that the account has not", () => {
  needs(server134)("is named, and used once it is there", async ({ bed }) => {
    const server = await serverIn(bed);
    addAccount(server);
    const [role = ""] = manifestObjects().filter((text) => /^kind: ClusterRole$/m.test(text));
    const host = addHost(bed, server, 1);
    addPhantom(server, 8);
    addPod(server, host);
    const token = server.token("kube-flannel", "flannel");
    const mayNow = (verb: string, resource: string) => isAllowed(server, token, verb, resource);
    for (const [verb, resource] of [
      ["get", "pods"],
      ["get", "nodes"],
      ["list", "nodes"],
      ["watch", "nodes"],
      ["patch", "nodes/status"],
    ] as const) {
      expect(server.apply([roleWithout(verb, resource)])[0]?.status).toBe(200);
      const variables = "POD_NAME=one POD_NAMESPACE=kube-flannel";
      waitUntil("the right of now", () => !mayNow(verb, resource));
      server.annotate(host.name, { "flannel.alpha.coreos.com/public-ip": null });
      const agent = start(bed, host, "agent", { server, network: vxlan, token, variables });
      const words = `: the right is missing to ${verb} ${resource}, as a ClusterRole gives it`;
      await agent.until(`${verb} ${resource}`, () =>
        agent.said.split("\n").some((line) => line.includes(": 403 (") && line.includes(words)),
      );
      expect(server.apply([role])[0]?.status).toBe(200);
      waitUntil("the right of now", () => mayNow(verb, resource));
      await agent.until("its network", () => host.hasJoined && leadsTo(host, 8));
      await agent.until("no problem", () => agent.said.includes("recovered"));
      await agent.end("SIGTERM");
      host.sh("rm /run/flannel/subnet.env; ip link delete flannel.1");
    }
  });
});

/** A pod that a node is said to run. */
function addPod(server: ApiServer, { name }: Host): void {
  const spec = {
    nodeName: name,
    containers: [{ name: "one", image: "none" }],
    serviceAccountName: "flannel",
  };
  const body = { apiVersion: "v1", kind: "Pod", metadata: { name: "one" }, spec };
  server.do({ method: "POST", path: "/api/v1/namespaces/kube-flannel/pods", body });
}

/** What the server itself says of a right. */
function isAllowed(server: ApiServer, token: string, verb: string, words: string): boolean {
  const [resource, subresource] = words.split("/");
  const place = resource === "pods" ? { namespace: "kube-flannel" } : {};
  const { status } = server.do({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: { verb, resource, subresource, ...place } },
    },
    token,
  }) as { status: { allowed: boolean } };
  return status.allowed;
}

describe("a certificate of the API server", () => {
  needs(server134)("of another time, name or authority is believed by nobody", async ({ bed }) => {
    const server = await serverIn(bed);
    const token = addAccount(server);
    const host = addHost(bed, server, 1);
    addPhantom(server, 8);
    const agent: Daemon = start(bed, host, "agent", { server, network: vxlan, token });
    await agent.until("its network", () => host.hasJoined && leadsTo(host, 8));
    const before = host.entries();
    for (const [sign, state] of [
      [{ days: 0 }, /its certificate has expired on 2\d{3}-\d\d-\d\dT/],
      [
        { names: "DNS:elsewhere.example" },
        /its certificate is not for 192\.0\.2\.254, but for elsewhere\.example/,
      ],
      [{ by: "other" }, /has signed its certificate, but "other"/],
    ] as const) {
      await server.kill();
      server.certify(sign);
      await server.restart();
      await agent.until(`what is wrong with ${JSON.stringify(sign)}`, () =>
        agent.said.split("\n").some((line) => line.includes(server.url) && state.test(line)),
      );
      expect(host.entries()).toBe(before);
    }
    await server.kill();
    server.certify({});
    await server.restart();
    addPhantom(server, 9);
    await agent.until("news", () => leadsTo(host, 9));
  });
});
