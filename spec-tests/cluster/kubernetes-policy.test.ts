/** What the agent knows of network policies by a real API server, and how `weft policy explain` answers by it. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import { needs } from "../bed/kernel.ts";
import { ApiServer } from "./api-server.ts";
import { addStoresAddress, type Host, STORES } from "./host.ts";
import { addAccount, addHost, start, vxlan } from "./kubernetes.ts";
import { repositoryFile } from "./objects.ts";

const server134 = "kube-apiserver 1.34.4";

/** The rights of the manifest for network policies. */
function addRights(server: ApiServer): void {
  const objects = repositoryFile("deploy/weft-network-policy.yaml").split(/^---$/m);
  expect(server.apply(objects).map(({ status }) => status)).toEqual([201, 201, 201, 201]);
}

const IN_SHOP = "/api/v1/namespaces/shop";

/** A namespace "shop" with pods "web" and "db". */
function addShop(server: ApiServer): void {
  const body = { metadata: { name: "shop", labels: { team: "sales" } } };
  server.do({ method: "POST", path: "/api/v1/namespaces", body });
  const account = { metadata: { name: "default" } };
  server.do({ method: "POST", path: `${IN_SHOP}/serviceaccounts`, body: account });
  addPod(server, "web", "10.77.1.2");
  addPod(server, "db", "10.77.2.3");
}

function addPod(server: ApiServer, name: string, ip: string): void {
  const port = { name: "sql", containerPort: 5432 };
  const containers = [{ name: "main", image: "none", ports: [port] }];
  const body = { metadata: { name, labels: { app: name } }, spec: { nodeName: "x", containers } };
  server.do({ method: "POST", path: `${IN_SHOP}/pods`, body });
  const status = { phase: "Running", podIP: ip, podIPs: [{ ip }] };
  patch(server, `pods/${name}/status`, { status });
}

function patch(server: ApiServer, place: string, body: object): void {
  const type = "application/merge-patch+json";
  server.do({ method: "PATCH", path: `${IN_SHOP}/${place}`, body, type });
}

const POLICIES = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies";

/** Lets only clients reach db, by a port that it has a name for. */
function addPolicy(server: ApiServer): void {
  const spec = {
    podSelector: { matchLabels: { app: "db" } },
    ingress: [
      {
        from: [
          {
            podSelector: { matchExpressions: [{ key: "client", operator: "Exists" }] },
            namespaceSelector: { matchLabels: { team: "sales" } },
          },
        ],
        ports: [{ port: "sql" }],
      },
    ],
  };
  const body = { metadata: { name: "clients" }, spec };
  server.do({ method: "POST", path: POLICIES, body });
}

function startExplaining(bed: Bed, host: Host, server: ApiServer, token: string): Daemon {
  const words = "--ip-masq --network-policy=explain";
  return start(bed, host, "agent", { server, network: vxlan, token, words });
}

/** What `weft policy explain` prints and says on a host, and its status. */
function explainer(bed: Bed, host: Host) {
  return (words: string) =>
    host.sh(`${bed.bin}/weft policy explain ${words} 2>&1; echo "status $?"`);
}

describe("network policies of a real API server", () => {
  needs(server134)("are followed, and explained", async ({ bed }) => {
    addStoresAddress(bed);
    const server = await ApiServer.start(bed, STORES);
    const token = addAccount(server);
    addRights(server);
    addShop(server);
    const host = addHost(bed, server, 1);
    const agent = startExplaining(bed, host, server, token);
    const explain = explainer(bed, host);
    const says = async (words: string, text: string) => {
      await agent.until(text, () => explain(words).includes(text));
    };
    await says("db --from web --port 5432", "TCP port 5432: let through");
    expect(explain("db")).toBe(`pod shop/db  10.77.2.3  on x
  ingress: not isolated: everything is allowed
  egress: not isolated: everything is allowed
status 0
`);

    addPolicy(server);
    await says("db --from web --port 5432", "TCP port 5432: forbidden");
    patch(server, "pods/web", { metadata: { labels: { client: "yes" } } });
    await says("db --from web --port 5432", "TCP port 5432: let through");
    expect(explain("db --from web --port 5433")).toContain(
      "shop/clients  TCP port sql from pods client of namespaces team=sales: not the port",
    );
    server.do({
      ...{ method: "PATCH", path: IN_SHOP, body: { metadata: { labels: { team: "ops" } } } },
      type: "application/merge-patch+json",
    });
    await says("db --from web --port 5432", "TCP port 5432: forbidden");

    // What happens while it is not heard is found by the next list or watch.
    await server.kill();
    await server.restart();
    server.do({ method: "DELETE", path: `${POLICIES}/clients` });
    await says("db --from web --port 5432", "TCP port 5432: let through");
    patch(server, "pods/web/status", { status: { phase: "Succeeded" } });
    await says("web", "it has ended (Succeeded), so no policy chooses it");
    const path = `${IN_SHOP}/pods/web?gracePeriodSeconds=0`;
    server.do({ method: "DELETE", path });
    await says("web", 'Cannot find pod "web": there is none of this name among 1');
    await agent.until("its subnet", () => host.hasJoined);
  });

  needs(server134)("take a right, which is named if it is missing", async ({ bed }) => {
    addStoresAddress(bed);
    const server = await ApiServer.start(bed, STORES);
    const token = addAccount(server);
    addShop(server);
    const host = addHost(bed, server, 1);
    const agent = startExplaining(bed, host, server, token);
    const missing = ["networkpolicies.networking.k8s.io", "namespaces", "pods"].map(
      (name) => `the right is missing to list ${name}, as a ClusterRole gives it`,
    );
    for (const words of missing) await agent.until(words, () => agent.said.includes(words));
    await agent.until("its subnet", () => host.hasJoined);
    const explain = explainer(bed, host);
    for (const words of missing) expect(explain("db")).toContain(words);
    addRights(server);
    await agent.until("an answer", () => explain("db").endsWith("status 0\n"));
  });
});
