/** A cluster whose pods and services have addresses of both families, by each of the ways that kube-proxy has. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Cluster } from "./cluster.ts";
import type { ProxyMode } from "./kubernetes-node.ts";
import { deployment, type Pod, pod, service, serviceOf } from "./objects.ts";
import { inURL, STORES_V6 } from "./ranges.ts";

const modes: readonly ProxyMode[] = ["iptables", "nftables"];
const both = { ipFamilyPolicy: "RequireDualStack" };

describe.each(modes)("of both families, with kube-proxy's %s", (proxyMode) => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start({ proxyMode, isDual: true });
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

  it("pods have an address of each, and reach each other by both, with 1430 bytes of IPv6", async () => {
    const pods = await webOnBoth();
    for (const { addresses } of pods)
      expect(addresses).toEqual([
        expect.stringMatching(/^10\.244\./),
        expect.stringMatching(/^fd77:/),
      ]);

    for (const from of pods)
      for (const to of pods) {
        for (const [i, address] of to.addresses.entries())
          expect(cluster.get(from, inURL(address))).toBe(`${to.name} ${from.addresses[i]}`);
        const [, v6] = to.addresses;
        cluster.inside(from, `ping -n -q -c 1 -W 5 -M do -s 1382 ${v6} >/dev/null`);
      }
    for (const { name, machine } of cluster.nodes)
      for (const { node, addresses } of pods)
        if (node === name) expect(machine.view.ping(addresses[1] ?? "")).toBe(true);
    expect(cluster.failures).toEqual([]);
  });

  it("a service has an address of each, which leads to pods of both nodes, from pods and nodes", async () => {
    const pods = await webOnBoth();
    const names = pods.map(({ name }) => name);
    const { addresses } = serviceOf(cluster.create("services", service("web", both)));
    expect(addresses).toEqual([
      expect.stringMatching(/^10\.96\./),
      expect.stringMatching(/^fd96:/),
    ]);

    for (const address of addresses.map(inURL)) {
      for (const from of pods) await cluster.reachesAll(names, () => cluster.get(from, address));
      for (const { machine } of cluster.nodes)
        await cluster.reachesAll(names, () => cluster.getFrom(machine.view, address));
    }
  });

  it("ports of nodes answer at both addresses, and a port of one pod's at its node's", async () => {
    const [{ name: node, addressV6 }, other] = cluster.nodes;
    const pods = await webOnBoth();
    const names = pods.map(({ name }) => name);
    const web = service("web", { ...both, type: "NodePort" });
    const { nodePort } = serviceOf(cluster.create("services", web));
    cluster.create("pods", pod({ app: "front", node, hostPort: 8080 }));
    await cluster.ready("front", 1);

    for (const { machine, addressV6 } of cluster.nodes)
      for (const address of [machine.address, inURL(addressV6)])
        await cluster.reachesAll(names, () =>
          cluster.getFrom(cluster.bed.host, `${address}:${nodePort}`),
        );
    const at = `${inURL(addressV6)}:8080`;
    expect(cluster.getFrom(cluster.bed.host, at)).toBe(`front ${STORES_V6}`);
    expect(cluster.getFrom(other.machine.view, at)).toBe(`front ${other.addressV6}`);
  });
});
