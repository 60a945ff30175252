/** flanneld and the agent in one network, whose Nodes a real API server has. */
import { describe, expect } from "vitest";
import { needs } from "../bed/kernel.ts";
import { waitUntil } from "../bed/patience.ts";
import { ApiServer } from "./api-server.ts";
import { addStoresAddress, type Host, STORES, unreached } from "./host.ts";
import { addAccount, addHost, both, dual, type Joining, P, single, start } from "./kubernetes.ts";

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
      const joining: Joining = { server, network, token: addAccount(server) };
      const joiners = ["flanneld", "agent", "flanneld", "agent"] as const;
      const hosts = joiners.map((_, i) => addHost(bed, server, i + 1));
      const daemons = hosts.map((host, i) => start(bed, host, joiners[i] ?? "agent", joining));
      for (const [i, host] of hosts.entries())
        await daemons[i]?.until(`the file of ${host.name}`, () => host.hasJoined);
      const pods = hosts.map((host) => host.pod());
      waitUntil("all pods", () => unreached(pods).length === 0);
      const [theirs, ours] = hosts.map((host) => writtenBy(server, host));
      expect(ours).toEqual(theirs);
    },
  );
});
