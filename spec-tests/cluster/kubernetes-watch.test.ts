/** What the agent knows of Nodes while a real API server, and etcd behind it, forget, end and come back. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Daemon } from "../bed/daemon.ts";
import { needs } from "../bed/kernel.ts";
import { Pinging } from "../bed/nodes.ts";
import { Patience } from "../bed/patience.ts";
import { ApiServer } from "./api-server.ts";
import { addStoresAddress, type Host, STORES } from "./host.ts";
import { addAccount, addHost, addPhantom, leadsTo, start, vxlan } from "./kubernetes.ts";

const server134 = "kube-apiserver 1.34.4";

interface Scene {
  readonly server: ApiServer;
  readonly host: Host;
  readonly agent: Daemon;
}

/** A host that has joined, and knows phantoms 8 and 9. */
async function scene(bed: Bed, words = "", etcdWords = ""): Promise<Scene> {
  addStoresAddress(bed);
  const server = await ApiServer.start(bed, STORES, words, etcdWords);
  const token = addAccount(server);
  const host = addHost(bed, server, 1);
  for (const number of [8, 9]) addPhantom(server, number);
  const agent = start(bed, host, "agent", { server, network: vxlan, token });
  await agent.until("its subnet", () => host.hasJoined);
  await agent.until("the others", () => [8, 9].every((number) => leadsTo(host, number)));
  await agent.until("its condition", () => conditionOf(server, host) === "FlannelIsUp");
  return { server, host, agent };
}

function conditionOf(server: ApiServer, { name }: Host): string | undefined {
  const { status } = server.node(name) as {
    status: { conditions?: readonly { readonly reason: string }[] };
  };
  return status.conditions?.[0]?.reason;
}

/** What the kernel of a host loses from now on. */
async function losses(bed: Bed, { name, view }: Host): Promise<Daemon> {
  const monitor = new Daemon(bed, `ip netns exec ${name} ip monitor route neigh`);
  await monitor.until("its start", () => {
    view.sh("ip route replace 203.0.113.0/24 dev wire; ip route delete 203.0.113.0/24");
    return monitor.said.includes("Deleted 203.0.113.0/24");
  });
  return monitor;
}

/** The networks of other hosts that were taken away, even if for a moment only. */
function lost(monitor: Daemon): readonly string[] {
  const found = monitor.said.matchAll(/^Deleted (10\.77\.\d+\.0(?:\/24)?) /gm);
  return [...new Set([...found].map(([, network = ""]) => network))].sort();
}

/** The version that a watch or a list of Nodes asked for: of those that have ended. */
function askedVersions(server: ApiServer, verb: "watch" | "list"): readonly (string | null)[] {
  return server
    .audited()
    .filter(({ verb: each, requestURI }) => each === verb && requestURI.includes("/api/v1/nodes?"))
    .map(({ requestURI }) => new URL(requestURI, server.url).searchParams.get("resourceVersion"));
}

/** Has the server's versions go on, without any change of a Node. */
function addConfigMaps(server: ApiServer, count: number): number {
  const versions = Array.from({ length: count }, (_, i) => {
    const metadata = { name: `c${i}` };
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata };
    const made = server.do({
      method: "POST",
      path: "/api/v1/namespaces/kube-flannel/configmaps",
      body,
    });
    return Number((made as { metadata: { resourceVersion: string } }).metadata.resourceVersion);
  });
  return Math.max(...versions);
}

/** Whether a connection to the API server has brought more than when this was called. */
function hears({ view }: Host): () => boolean {
  const received = () =>
    new Map(
      [
        ...view
          .sh("ss -tiHn dport = :6443")
          .matchAll(/:(\d+) +\S+:6443.*\s+.*bytes_received:(\d+)/g),
      ].map(([, port, bytes]) => [port, Number(bytes)] as const),
    );
  const before = received();
  expect(before.size).toBeGreaterThan(0);
  return () => [...received()].some(([port, bytes]) => bytes > (before.get(port) ?? bytes));
}

describe("a watch of a real API server", () => {
  needs(server134)("goes on from a bookmark, which is newer than all Nodes", async ({ bed }) => {
    const { server, host, agent } = await scene(
      bed,
      "",
      "--experimental-watch-progress-notify-interval=1s",
    );
    const newest = addConfigMaps(server, 5);
    await agent.until("a bookmark", hears(host), new Patience(150_000));
    await server.kill();
    await server.restart();
    addPhantom(server, 10);
    await agent.until("news", () => leadsTo(host, 10));
    await agent.end("SIGTERM");
    // Of the watch that the server's end has broken there is nothing in the log.
    await agent.until("the next in the log", () => askedVersions(server, "watch").length > 0);
    expect(Number(askedVersions(server, "watch")[0])).toBeGreaterThanOrEqual(newest);
  });

  needs(server134).for([
    ["the server has no Node's past in memory", ""],
    ["etcd is compacted, which the server asks for each watch", "--watch-cache=false"],
  ] as const)("that is too old is a new list: %s", async ([, words], { bed }) => {
    const { server, host, agent } = await scene(bed, words);
    const monitor = await losses(bed, host);
    const lists = askedVersions(server, "list").length;
    agent.signal("SIGSTOP");
    await server.kill();
    server.etcd.ctl("put elsewhere 1");
    await server.restart();
    server.removeNode("phantom9");
    addPhantom(server, 10);
    server.etcd.compact();
    agent.signal("SIGCONT");
    await agent.until("who is new", () => leadsTo(host, 10));
    await agent.until("who has gone", () => !host.entries().includes("10.77.9.0"));
    await agent.until("a loss in the monitor", () => lost(monitor).length >= 2);
    expect(lost(monitor)).toEqual(["10.77.9.0", "10.77.9.0/24"]);
    expect(leadsTo(host, 8)).toBe(true);
    expect(askedVersions(server, "list").length).toBeGreaterThan(lists);
    addPhantom(server, 11);
    await agent.until("who comes afterwards", () => leadsTo(host, 11));
  });
});

describe("packets go on, and news are heard again", () => {
  needs(server134)("when the API server or etcd behind it is killed", async ({ bed }) => {
    const { server, host, agent } = await scene(bed);
    const other = addHost(bed, server, 2);
    const token = server.token("kube-flannel", "flannel");
    const second = start(bed, other, "agent", { server, network: vxlan, token });
    await second.until("its subnet", () => other.hasJoined);
    const [near, far] = [host.pod(), other.pod()];
    const [address = ""] = far.addresses;
    await agent.until("a way", () => near.box.pingAll([address])[0] === true);
    const monitor = await losses(bed, host);
    const ping = new Pinging(bed, near.box, address);

    await server.kill();
    await agent.until("a word of it", () => agent.said.includes("nothing listens there"));
    await server.restart();
    addPhantom(server, 10);
    await agent.until("news after the server's end", () => leadsTo(host, 10));

    await server.etcd.kill();
    await server.kill();
    await agent.until("a second word of it", () => agent.said.split("store: ").length >= 3);
    await server.etcd.restart();
    await server.restart();
    addPhantom(server, 11);
    await agent.until("news after the end of both", () => leadsTo(host, 11));

    await server.etcd.kill();
    await server.etcd.restart();
    await server.ready();
    addPhantom(server, 12);
    await agent.until("news after the end of etcd", () => leadsTo(host, 12));
    expect(await ping.end()).toMatchObject({ lost: [] });
    expect(lost(monitor)).toEqual([]);
    server.removeNode("phantom12");
    await agent.until("who has gone", () => lost(monitor).length >= 2);
  });
});
