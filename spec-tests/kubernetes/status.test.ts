/** What a node says of its network: by STATUS to the kubelet, and by doctor to people. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Release, releases } from "../runtimes/containerd.ts";
import { Cluster } from "./cluster.ts";
import { pod, service, serviceOf } from "./objects.ts";

const CALL = "/proc/sys/net/bridge/bridge-nf-call-iptables";

describe("a node with containerd 2 and a list of CNI 1.1.0", () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start({
      release: releases[1] as Release,
      change: (text) => text.replace('"cniVersion": "0.3.1"', '"cniVersion": "1.1.0"'),
    });
  });
  afterAll(() => cluster?.dispose());

  it("is ready until its network refuses by STATUS, says why, and is ready again", async () => {
    const [node] = cluster.nodes;
    const { machine } = node;
    const agents = machine.pids("weft").join(" ");
    expect(cluster.readiness(node.name).isReady).toBe(true);

    machine.sh(`kill -STOP ${agents}; mv /run/flannel/subnet.env /run/flannel/away`);
    await cluster.until("a node that is not ready", () => !cluster.readiness(node.name).isReady);
    const { message } = cluster.readiness(node.name);
    machine.sh(`mv /run/flannel/away /run/flannel/subnet.env; kill -CONT ${agents}`);
    await cluster.until("a ready node", () => cluster.readiness(node.name).isReady);

    expect(message).toContain("subnet.env");
    expect(cluster.nodes.map(({ name }) => cluster.readiness(name).isReady)).toEqual([true, true]);
  });

  it("is told by doctor where services do not lead to neighbours, and they do not", async () => {
    const [{ name: node, machine }] = cluster.nodes;
    for (const app of ["one", "two"]) cluster.create("pods", pod({ app, node }));
    const { address } = serviceOf(cluster.create("services", service("two")));
    const [one] = await cluster.ready("one", 1);
    await cluster.ready("two", 1);
    if (!one) throw new Error("no pod");
    const doctor = () => machine.sh("/opt/cni/bin/weft doctor || true");
    const asks = `timeout 3 busybox wget -q -O /dev/null http://${address}/cgi-bin/here`;
    expect(cluster.get(one, address)).toBe(`two ${one.address}`);
    expect(doctor()).not.toContain("a pod does not reach a service");

    machine.sh(`echo 0 >${CALL}`);
    const said = doctor();
    const answered = cluster.inside(one, `${asks} && echo yes || echo no`).trim();
    machine.sh(`echo 1 >${CALL}`);

    expect(said).toContain("a pod does not reach a service that leads to its neighbour");
    expect(answered).toBe("no");
    expect(cluster.get(one, address)).toBe(`two ${one.address}`);
  });
});
