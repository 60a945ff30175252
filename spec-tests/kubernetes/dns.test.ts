/** Names of services, which pods ask CoreDNS for, with and without network policies. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../bed/invocation.ts";
import type { Cluster } from "./cluster.ts";
import { DNS, startDns } from "./dns.ts";
import { startEnforcing } from "./enforcing.ts";
import { type Pod, pod, service, serviceOf } from "./objects.ts";

const NAME = "web.default.svc.cluster.local";

/** Lets pods of an app send nothing but what the rules allow. */
function egress(name: string, app: string, rules: readonly Config[]): Config {
  const podSelector = { matchLabels: { app } };
  const spec = { podSelector, policyTypes: ["Egress"], egress: rules };
  return { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { name }, spec };
}

const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } };
const toDns = {
  to: [{ namespaceSelector, podSelector: { matchLabels: { "k8s-app": "kube-dns" } } }],
  ports: [
    { protocol: "UDP", port: 53 },
    { protocol: "TCP", port: 53 },
  ],
};

describe("a cluster of both families, with DNS and policies", () => {
  let cluster: Cluster;
  let servers: readonly string[];
  let clients: readonly Pod[];
  let addresses: readonly string[];

  beforeAll(async () => {
    cluster = await startEnforcing({ isDual: true });
    servers = [DNS, ...(await startDns(cluster)).map(({ address }) => address)];
    const [{ name: node }] = cluster.nodes;
    cluster.create("pods", pod({ app: "web", node }));
    for (const { name } of cluster.nodes)
      cluster.create("pods", pod({ app: `on-${name}`, node: name }));
    const both = { ipFamilyPolicy: "RequireDualStack" };
    ({ addresses } = serviceOf(cluster.create("services", service("web", both))));
    await cluster.ready("web", 1);
    const apps = cluster.nodes.map(({ name }) => `on-${name}`);
    clients = (await Promise.all(apps.map((app) => cluster.ready(app, 1)))).flat();
  });
  afterAll(() => cluster?.dispose());

  const says = (from: Pod, script: string) => cluster.within(from, `${script} 2>&1 || true`).trim();
  const resolves = (from: Pod, server: string) =>
    addresses.every((address) =>
      says(from, `busybox timeout 5 busybox nslookup ${NAME} ${server}`).includes(
        `Address: ${address}`,
      ),
    );
  const fetched = (from: Pod, host: string) =>
    says(from, `busybox timeout 5 busybox wget -q -O - http://${host}/cgi-bin/here`);

  it("pods of both nodes resolve names by the service and by each server, and use them", async () => {
    for (const client of clients) {
      for (const server of servers)
        await cluster.until(`${NAME} of ${server}`, () => resolves(client, server));
      for (const host of ["web", "web.default", NAME])
        await cluster.until(`${host} for ${client.name}`, () =>
          fetched(client, host).startsWith("web "),
        );
    }
  });

  it("pods that may send to DNS alone resolve names and reach nothing, until a policy allows it", async () => {
    const isReached = (client: Pod) =>
      [NAME, ...addresses.map((each) => (each.includes(":") ? `[${each}]` : each))].map((host) =>
        fetched(client, host).startsWith("web "),
      );
    for (const { app } of clients)
      cluster.create("networkpolicies", egress(`dns-${app}`, app, [toDns]));
    for (const client of clients) {
      await cluster.until("an end", () => isReached(client).every((is) => !is));
      for (const server of servers) expect(resolves(client, server)).toBe(true);
      // DNS by name and port, not the server's other ports.
      const ready = `busybox timeout 3 busybox wget -q -O - http://${servers[1]}:8181/ready`;
      expect(says(client, ready)).not.toContain("OK");
    }

    const toWeb = { to: [{ podSelector: { matchLabels: { app: "web" } } }], ports: [{ port: 80 }] };
    for (const { app } of clients)
      cluster.create("networkpolicies", egress(`web-${app}`, app, [toWeb]));
    for (const client of clients)
      await cluster.until("web by its name and both addresses", () =>
        isReached(client).every(Boolean),
      );
  });
});
