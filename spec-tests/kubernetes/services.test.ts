/** Services over both nodes, by each of the ways that kube-proxy has. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { STORES } from "../cluster/host.ts";
import { Cluster } from "./cluster.ts";
import type { ProxyMode } from "./kubernetes-node.ts";
import { deployment, type Pod, pod, service, serviceOf } from "./objects.ts";

const modes: readonly ProxyMode[] = ["iptables", "nftables"];

describe.each(modes)("with kube-proxy's %s", (proxyMode) => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start({ proxyMode });
  });
  afterEach(async () => {
    await cluster.removeAll();
  });
  afterAll(() => cluster?.dispose());

  /** A pod of the app `web` on each node. */
  async function webOnBoth(): Promise<readonly Pod[]> {
    for (const { name } of cluster.nodes)
      cluster.create("deployments", deployment({ app: "web", name: `web-${name}`, node: name }, 1));
    return await cluster.ready("web", 2);
  }

  it("a service leads to pods of both nodes, from pods and nodes", async () => {
    const pods = await webOnBoth();
    const { address } = serviceOf(cluster.create("services", service("web")));
    const names = pods.map(({ name }) => name);

    for (const from of pods) {
      await cluster.reachesAll(names, () => cluster.get(from, address));
      const other = pods.find((pod) => pod !== from) as Pod;
      await cluster.until(
        "an answer of the other node's pod",
        () => cluster.get(from, address) === `${other.name} ${from.address}`,
      );
    }
    for (const { machine } of cluster.nodes)
      await cluster.reachesAll(names, () => cluster.getFrom(machine.view, address));
    expect(cluster.failures).toEqual([]);
  });

  it("a port of all nodes leads to pods of both", async () => {
    const pods = await webOnBoth();
    const names = pods.map(({ name }) => name);
    const { nodePort } = serviceOf(
      cluster.create("services", service("web", { type: "NodePort" })),
    );

    for (const { machine } of cluster.nodes) {
      const at = `${machine.address}:${nodePort}`;
      await cluster.reachesAll(names, () => cluster.getFrom(cluster.bed.host, at));
      for (const from of pods) await cluster.reachesAll(names, () => cluster.get(from, at));
    }
  });

  it("externalTrafficPolicy Local keeps who asks, and the node", async () => {
    const pods = await webOnBoth();
    const more = { type: "NodePort", externalTrafficPolicy: "Local" };
    const { nodePort } = serviceOf(cluster.create("services", service("web", more)));

    for (const { name, machine } of cluster.nodes) {
      const own = pods.find(({ node }) => node === name);
      for (let i = 0; i < 4; i++)
        expect(cluster.getFrom(cluster.bed.host, `${machine.address}:${nodePort}`)).toBe(
          `${own?.name} ${STORES}`,
        );
    }
  });

  it("a pod reaches itself by its service, and its neighbour on the same bridge", async () => {
    const [{ name: node }] = cluster.nodes;
    for (const app of ["one", "two"]) {
      cluster.create("pods", pod({ app, node }));
      cluster.create("services", service(app));
    }
    const [one] = await cluster.ready("one", 1);
    await cluster.ready("two", 1);
    const addressOf = (app: string) => serviceOf(cluster.read("services", app)).address;

    expect(cluster.get(one as Pod, addressOf("one"))).toMatch(/^one /);
    expect(cluster.get(one as Pod, addressOf("two"))).toBe(`two ${one?.address}`);
  });

  it("a port 80 of a node is beside a service on port 80, and a port of all nodes", async () => {
    const [{ name: node, machine }, other] = cluster.nodes;
    cluster.create("pods", pod({ app: "front", node, hostPort: 80 }));
    cluster.create("pods", pod({ app: "back", node: other.name }));
    const { address, nodePort } = serviceOf(
      cluster.create("services", service("back", { type: "NodePort" })),
    );
    const [front] = await cluster.ready("front", 1);
    await cluster.ready("back", 1);
    const { host } = cluster.bed;

    expect(cluster.getFrom(host, `${machine.address}:80`)).toBe(`front ${STORES}`);
    expect(cluster.get(front as Pod, address)).toBe(`back ${front?.address}`);
    expect(cluster.getFrom(machine.view, address)).toMatch(/^back /);
    expect(cluster.getFrom(host, `${machine.address}:${nodePort}`)).toMatch(/^back /);
  });
});
