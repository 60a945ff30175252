/** NetworkPolicies that the agents of all nodes enforce, with services in between. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../bed/invocation.ts";
import type { Cluster } from "./cluster.ts";
import { startEnforcing } from "./enforcing.ts";
import { type Pod, pod, service, serviceOf } from "./objects.ts";

/** A policy that isolates pods for what comes in, but for what the rules let in. */
function policy(name: string, app: string | undefined, ingress: readonly Config[] = []): Config {
  const podSelector = app === undefined ? {} : { matchLabels: { app } };
  const spec = { podSelector, policyTypes: ["Ingress"], ingress };
  return { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { name }, spec };
}

describe("a cluster whose agents enforce policies", () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startEnforcing();
  });
  afterAll(() => cluster?.dispose());

  it("lets through what a policy allows, by address and by service, and nothing else", async () => {
    const [first, second] = cluster.nodes;
    const wishes = [
      { app: "server", node: first.name },
      { app: "friend", node: second.name },
      { app: "neighbour", node: first.name },
      { app: "stranger", node: second.name },
    ];
    for (const wish of wishes) cluster.create("pods", pod(wish));
    const named = new Map<string, Pod>();
    for (const { app } of wishes)
      for (const one of await cluster.ready(app, 1)) named.set(app, one);
    const { address } = serviceOf(cluster.create("services", service("server")));
    const ways = [named.get("server")?.address ?? "", address];
    const asks = (to: string) => `timeout 5 busybox wget -q -O /dev/null http://${to}/cgi-bin/here`;
    const reached = (app: string) =>
      ways.map((to) =>
        cluster
          .inside(named.get(app) as Pod, `${asks(to)} 2>/dev/null && echo yes || echo no`)
          .trim(),
      );
    const settles = (app: string, answer: string) =>
      cluster.until(`"${answer}" for ${app}`, () => reached(app).every((each) => each === answer));
    const others = ["friend", "neighbour", "stranger"];

    for (const app of others) await settles(app, "yes");
    cluster.create("networkpolicies", policy("nobody", undefined));
    for (const app of others) await settles(app, "no");
    const from = [{ podSelector: { matchLabels: { app: "friend" } } }];
    cluster.create("networkpolicies", policy("friends", "server", [{ from }]));
    await settles("friend", "yes");
    expect(["neighbour", "stranger"].flatMap(reached)).toEqual(["no", "no", "no", "no"]);
    expect(reached("friend")).toEqual(["yes", "yes"]);

    for (const name of ["friends", "nobody"]) cluster.remove("networkpolicies", name);
    for (const app of others) await settles(app, "yes");
    await cluster.removeAll();
    expect(cluster.failures).toEqual([]);
  });
});
