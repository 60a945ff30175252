/** flanneld and the agent in one network, whose Nodes a real API server has. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import { needs } from "../bed/kernel.ts";
import { waitUntil } from "../bed/patience.ts";
import { ApiServer, repositoryFile } from "./api-server.ts";
import { addStoresAddress, Host, type Joiner, STORES, unreached } from "./host.ts";

const both = "flanneld 0.28.10 and kube-apiserver 1.34.4";
const P = "flannel.alpha.coreos.com/";

/** The account of hosts, with the rights that the manifest gives it, and no others. */
function addAccount(server: ApiServer): string {
  const objects = repositoryFile("deploy/weft-flannel.yaml").split(/^---$/m);
  const wanted = /^kind: (Namespace|ServiceAccount|ClusterRole|ClusterRoleBinding)$/m;
  const applied = server.apply(objects.filter((text) => wanted.test(text)).join("\n---\n"));
  expect(applied.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
  return server.token("kube-flannel", "flannel");
}

/** A host whose Node is there. */
function addHost(bed: Bed, server: ApiServer, number: number): Host {
  const host = new Host(bed, number);
  server.addNode(host.name, [`10.77.${number}.0/24`, `fd77:0:0:${number}::/64`]);
  return host;
}

/** Starts what joins a host, as a DaemonSet does, but by a kubeconfig. */
function start(bed: Bed, host: Host, by: Joiner, [token, server, network]: Cluster): Daemon {
  bed.write(`${host.files}/kubeconfig`, server.kubeconfig(token));
  bed.write(`${host.files}/net-conf.json`, JSON.stringify(network));
  return host.join(
    by,
    `--kube-subnet-mgr --ip-masq --kubeconfig-file=${host.files}/kubeconfig --net-config-path=${host.files}/net-conf.json`,
    `NODE_NAME=${host.name}`,
  );
}

type Cluster = readonly [token: string, server: ApiServer, network: object];

const single = { Network: "10.77.0.0/16" };
const dual = { ...single, EnableIPv6: true, IPv6Network: "fd77::/48" };

interface NodeObject {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly status: { readonly conditions: readonly Readonly<Record<string, string>>[] };
}

/** What a host has written into its Node, with what differs from host to host left out. */
function writtenBy(server: ApiServer, { name }: Host) {
  const { metadata, status } = server.node(name) as unknown as NodeObject;
  const own = Object.entries(metadata.annotations).filter(([key]) => key.startsWith(P));
  const shape = (text: string) =>
    text
      .replace(/[0-9a-f]{2}(:[0-9a-f]{2}){5}/g, "mac")
      .replace(/(192\.0\.2\.|2001:db8::)\d+/, "$1n");
  const conditions = status.conditions.map(({ type, status, reason, message, ...times }) => [
    ...[type, status, reason, message],
    ...Object.keys(times),
  ]);
  return { annotations: own.map(([key, value]) => [key, shape(value)]), conditions };
}

describe("flanneld and the agent, in Kubernetes", () => {
  needs(both).for([
    ["vxlan", { ...single, Backend: { Type: "vxlan" } }],
    ["vxlan with DirectRouting", { ...single, Backend: { Type: "vxlan", DirectRouting: true } }],
    ["vxlan of both families", { ...dual, Backend: { Type: "vxlan" } }],
    ["host-gw", { ...single, Backend: { Type: "host-gw" } }],
  ] as const)(
    "reach all pods of each other, and write the same: %s",
    async ([, network], { bed }) => {
      addStoresAddress(bed);
      const server = await ApiServer.start(bed, STORES);
      const cluster: Cluster = [addAccount(server), server, network];
      const joiners = ["flanneld", "agent", "flanneld", "agent"] as const;
      const hosts = joiners.map((_, i) => addHost(bed, server, i + 1));
      const daemons = hosts.map((host, i) => start(bed, host, joiners[i] ?? "agent", cluster));
      for (const [i, host] of hosts.entries())
        await daemons[i]?.until(`the file of ${host.name}`, () => host.hasJoined);
      const pods = hosts.map((host) => host.pod());
      waitUntil("all pods", () => unreached(pods).length === 0);
      const [theirs, ours] = hosts.map((host) => writtenBy(server, host));
      expect(ours).toEqual(theirs);
    },
  );
});
