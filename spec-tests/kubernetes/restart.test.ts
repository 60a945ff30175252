/** Nodes that are killed, lose their power, or are drained, while the cluster goes on. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Cluster } from "./cluster.ts";
import { deployment, type Pod } from "./objects.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});
afterEach(async () => {
  await cluster.removeAll();
});
afterAll(() => cluster?.dispose());

function reachEachOther(pods: readonly Pod[]): void {
  for (const from of pods)
    for (const to of pods) expect(cluster.get(from, to.address)).toBe(`${to.name} ${from.address}`);
}

/**
 * What a containerd has begun when it is killed it does not know of afterwards: processes, mounts, empty
 * namespaces. No link, address, lease, record or rule is among it.
 */
const lostByRuntime =
  /^\+ (process (containerd-shim|runc|busybox)|(mount|namespace) \/run\/(netns\/cni-|containerd\/))/;

describe("a node", () => {
  it("loses nothing when containerd and the kubelet are killed while pods start, and while they go", async () => {
    const [node] = cluster.nodes;
    const before = await cluster.resting();
    cluster.create("deployments", deployment({ app: "many", node: node.name }, 20));
    const links = () => node.machine.view.links().filter((name) => name.startsWith("veth")).length;
    await cluster.until("some links", () => links() > 5);

    node.kill();
    node.start();
    const pods = await cluster.ready("many", 20);
    expect(new Set(pods.map(({ address }) => address)).size).toBe(20);
    cluster.remove("deployments", "many");
    await cluster.until("the end of some links", () => links() < 15);
    node.kill();
    node.start();
    await cluster.removeAll();

    expect(await cluster.leftOn(node, before, lostByRuntime)).toEqual([]);
  });

  it("has the pods that it had, and their ways, when containerd and the kubelet were killed", async () => {
    const [node] = cluster.nodes;
    cluster.create("deployments", deployment({ app: "both" }, 4));
    const pods = await cluster.ready("both", 4);

    node.kill();
    reachEachOther(pods.filter(({ node }) => node !== "node1"));
    node.start();
    await cluster.until("the node", () => cluster.readiness(node.name).isReady);

    const after = await cluster.ready("both", 4);
    expect(after.map(({ address }) => address).sort()).toEqual(
      pods.map(({ address }) => address).sort(),
    );
    reachEachOther(after);
  });

  it("starts its pods anew after a loss of power, and they reach all others", async () => {
    const [node] = cluster.nodes;
    cluster.create("deployments", deployment({ app: "all" }, 6));
    const before = await cluster.ready("all", 6);

    node.restart();

    await cluster.until("new containers", () => {
      const now = cluster.pods.filter((pod) => pod.app === "all" && pod.isReady);
      const isNew = (pod: Pod) => !before.some(({ container }) => container === pod.container);
      return now.length === 6 && now.filter(({ node }) => node === "node1").every(isNew);
    });
    await cluster.until("the agents", () => cluster.agents.every(({ isReady }) => isReady));
    const after = await cluster.ready("all", 6);
    expect(new Set(after.map(({ address }) => address)).size).toBe(6);
    reachEachOther(after);
  });

  it("is drained: its pods are on the other one, and nothing of theirs is left", async () => {
    const [node, other] = cluster.nodes;
    const before = await cluster.resting();
    cluster.create("deployments", deployment({ app: "moved" }, 6));
    await cluster.ready("moved", 6);

    cluster.kubectl(`drain ${node.name} --ignore-daemonsets --force`);

    const moved = await cluster.ready("moved", 6);
    expect(new Set(moved.map(({ node }) => node))).toEqual(new Set([other.name]));
    await cluster.settled();
    expect(await cluster.leftOn(node, before)).toEqual([]);
    cluster.kubectl(`uncordon ${node.name}`);
    reachEachOther(moved.slice(0, 3));
  });
});
