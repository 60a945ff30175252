/** Pods of a cluster whose network deploy/weft-flannel.yaml has made, and what they reach. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { serve } from "../bed/ports.ts";
import { STORES } from "../cluster/host.ts";
import { Cluster } from "./cluster.ts";
import { deployment, type Pod, pod } from "./objects.ts";

let cluster: Cluster;

/** With the plugin for rates, which the list of the manifest has not. */
function withRates(text: string): string {
  const last = /("portMappings": true\n +}\n +})/;
  return text.replace(
    last,
    '$1,\n        { "type": "bandwidth", "capabilities": { "bandwidth": true } }',
  );
}

beforeAll(async () => {
  cluster = await Cluster.start({ change: withRates });
});
afterEach(async () => {
  await cluster.removeAll();
});
afterAll(() => cluster?.dispose());

/** Two pods on each node. */
async function fourPods(): Promise<readonly Pod[]> {
  const apps = cluster.nodes.map(({ name }) => ({ app: `on-${name}`, node: name }));
  for (const wish of apps) cluster.create("deployments", deployment(wish, 2));
  const ready: Pod[] = [];
  for (const { app } of apps) ready.push(...(await cluster.ready(app, 2)));
  return ready;
}

describe("pods of two nodes", () => {
  it("are ready, and each node reaches its own", async () => {
    for (const { name } of cluster.nodes)
      cluster.create("pods", pod({ app: `first-${name}`, node: name }));

    for (const { name, machine } of cluster.nodes) {
      const [first] = await cluster.ready(`first-${name}`, 1);
      expect(first?.node).toBe(name);
      expect(machine.view.ping(first?.address ?? "")).toBe(true);
    }
    expect(cluster.failures).toEqual([]);
  });

  it("reach each other in all directions, by their own addresses, with 1450 bytes", async () => {
    const pods = await fourPods();
    expect(new Set(pods.map(({ node }) => node)).size).toBe(2);
    expect(new Set(pods.map(({ address }) => address)).size).toBe(4);

    for (const from of pods) {
      for (const to of pods) {
        expect(cluster.get(from, to.address)).toBe(`${to.name} ${from.address}`);
        const isWhole = `ping -n -q -c 1 -W 5 -M do -s 1422 ${to.address} >/dev/null`;
        cluster.inside(from, isWhole);
      }
    }
  });

  it("reach nodes by their own address, and what is outside by their node's", async () => {
    const pods = await fourPods();
    serve(cluster.bed.host, "tcp", 7777);
    for (const { machine } of cluster.nodes) serve(machine.view, "tcp", 7777);
    const whoAmI = (from: Pod, to: string) => cluster.inside(from, `busybox nc ${to} 7777`).trim();

    for (const from of pods) {
      const own = cluster.nodeOf(from).machine.address;
      expect(whoAmI(from, STORES)).toBe(own);
      for (const { machine } of cluster.nodes) {
        const isOwn = machine.address === own;
        expect(whoAmI(from, machine.address)).toBe(isOwn ? from.address : own);
      }
    }
  });

  it("have a port of their node, from everywhere", async () => {
    const [first, second] = cluster.nodes;
    cluster.create("pods", pod({ app: "port", node: first.name, hostPort: 8080 }));
    cluster.create("pods", pod({ app: "near", node: first.name }));
    cluster.create("pods", pod({ app: "far", node: second.name }));
    const [port] = await cluster.ready("port", 1);
    const others = [...(await cluster.ready("near", 1)), ...(await cluster.ready("far", 1))];
    const at = `${first.machine.address}:8080`;

    expect(cluster.getFrom(cluster.bed.host, at)).toBe(`port ${STORES}`);
    expect(cluster.getFrom(second.machine.view, at)).toBe(`port ${second.machine.address}`);
    for (const address of [at, "127.0.0.1:8080"])
      expect(cluster.getFrom(first.machine.view, address)).toMatch(/^port /);
    for (const from of [port as Pod, ...others]) expect(cluster.get(from, at)).toMatch(/^port /);
    expect(cluster.failures).toEqual([]);
  });

  it("have the rates of their annotations", async () => {
    const annotations = {
      "kubernetes.io/ingress-bandwidth": "8M",
      "kubernetes.io/egress-bandwidth": "4M",
    };
    const [node] = cluster.nodes;
    const before = await cluster.resting();
    cluster.create("pods", pod({ app: "slow", node: node.name, annotations }));
    await cluster.ready("slow", 1);

    const rates = node.machine.sh("tc qdisc show").match(/(?<=tbf .* rate )\S+/g);
    expect(rates?.sort()).toEqual(["4Mbit", "8Mbit"]);
    await cluster.removeAll();
    expect(await cluster.leftOn(node, before)).toEqual([]);
  });

  it("come and go, sixty at once, and leave nothing", async () => {
    const before = await cluster.resting();
    cluster.create("deployments", deployment({ app: "many" }, 0));

    const pods = await cluster.scale("many", 60);

    expect(new Set(pods.map(({ address }) => address)).size).toBe(60);
    expect(new Set(pods.map(({ node }) => node)).size).toBe(2);
    expect(cluster.failures).toEqual([]);
    await cluster.scale("many", 0);
    for (const node of cluster.nodes) expect(await cluster.leftOn(node, before)).toEqual([]);
    expect(cluster.failures).toEqual([]);
  });
});
