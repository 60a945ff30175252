/** What becomes of a host whose Node is not there, deleted, made again, or written by flanneld before. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import { needs } from "../bed/kernel.ts";
import { waitUntil } from "../bed/patience.ts";
import { ApiServer } from "./api-server.ts";
import { addStoresAddress, Host, STORES, unreached } from "./host.ts";
import {
  addAccount,
  addHost,
  both,
  dual,
  type Joining,
  P,
  single,
  start,
  subnetsOf,
  vxlan,
} from "./kubernetes.ts";

interface NodeObject {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly status: { readonly conditions?: readonly Readonly<Record<string, string>>[] };
}

async function joiningIn(bed: Bed, network: object): Promise<Joining> {
  addStoresAddress(bed);
  const server = await ApiServer.start(bed, STORES);
  return { server, network, token: addAccount(server) };
}

function nodeOf({ server }: Joining, { name }: Host): NodeObject {
  return server.node(name) as unknown as NodeObject;
}

/** flannel's annotations of a Node, as the server's own text has them. */
function annotationsOf(joining: Joining, host: Host): string {
  const { annotations } = nodeOf(joining, host).metadata;
  return JSON.stringify(Object.entries(annotations).filter(([key]) => key.startsWith(P)));
}

/** A Node's conditions as the server's own text has them, without the time of day. */
function conditionsOf(joining: Joining, host: Host): string {
  const { conditions = [] } = nodeOf(joining, host).status;
  return JSON.stringify(conditions).replace(/20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "time");
}

/** The patches of a Node's condition that were sent, without the time of day. */
function conditionPatches({ server }: Joining): readonly string[] {
  const bodies = server
    .audited()
    .filter(({ verb }) => verb === "patch")
    .map(({ requestObject }) => JSON.stringify(requestObject))
    .filter((text) => text.includes('"conditions"'));
  return bodies.map((text) => text.replace(/20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "time"));
}

describe("what the agent writes into a Node", () => {
  needs(both).for([
    ["vxlan", vxlan],
    ["vxlan of both families", { ...dual, Backend: { Type: "vxlan", VNI: 7 } }],
    ["host-gw", { ...single, Backend: { Type: "host-gw" } }],
  ] as const)("is byte for byte what flanneld has written: %s", async ([, network], { bed }) => {
    const joining = await joiningIn(bed, network);
    const host = addHost(bed, joining.server, 1);
    const run = async (by: "flanneld" | "agent") => {
      const daemon = start(bed, host, by, joining);
      await daemon.until("its condition", () => conditionsOf(joining, host) !== "[]");
      const written = [annotationsOf(joining, host), conditionsOf(joining, host)];
      await daemon.end("SIGTERM");
      return written;
    };
    const theirs = await run("flanneld");
    expect(theirs[0]).toContain(`${P}kube-subnet-manager`);
    // The Node is another one: all has to be written again.
    joining.server.removeNode(host.name);
    joining.server.addNode(host.name, subnetsOf(1));
    expect([annotationsOf(joining, host), conditionsOf(joining, host)]).toEqual(["[]", "[]"]);
    expect(await run("agent")).toEqual(theirs);
    const [first, ...others] = conditionPatches(joining);
    expect(first).toContain("FlannelIsUp");
    expect(others).toEqual([first]);
    // There is nothing left to write for flanneld.
    const patches = () => joining.server.audited().filter(({ verb }) => verb === "patch").length;
    const before = patches();
    const back = start(bed, host, "flanneld", joining);
    await back.until("its condition", () => patches() > before);
    await back.until("its turn", () => /Running backend/.test(back.said));
    expect(patches() - before).toBe(1);
    expect(conditionPatches(joining)).toEqual([first, first, first]);
  });
});

/** What a host has of another one of a number. */
function knows(host: Host, number: number): boolean {
  return host.entries().includes(`10.77.${number}.0/24 via`);
}

describe("a Node", () => {
  needs(both)("is waited for, and for its podCIDR", async ({ bed }) => {
    const joining = await joiningIn(bed, vxlan);
    const { server } = joining;
    const host = new Host(bed, 1);
    const agent = start(bed, host, "agent", joining);
    await agent.until("a word of it", () => agent.said.includes('there is no Node "node1"'));
    const body = { apiVersion: "v1", kind: "Node", metadata: { name: host.name } };
    server.do({ method: "POST", path: "/api/v1/nodes", body });
    await agent.until("another word", () =>
      agent.said.includes('Node "node1" has no podCIDR yet; the controller manager'),
    );
    const spec = { podCIDR: "10.99.1.0/24", podCIDRs: ["10.99.1.0/24"] };
    const type = "application/merge-patch+json";
    server.do({ method: "PATCH", path: "/api/v1/nodes/node1", body: { spec }, type });
    await agent.until("a third word", () =>
      /Cannot join with Node "node1": .*10\.99\.1\.0\/24.*--cluster-cidr/.test(agent.said),
    );
    expect(host.hasJoined).toBe(false);
    server.removeNode(host.name);
    server.addNode(host.name, subnetsOf(1));
    await agent.until("its subnet", () => host.hasJoined);
  });

  needs(both)("may be deleted, made again, and given other subnets", async ({ bed }) => {
    const joining = await joiningIn(bed, { ...dual, Backend: { Type: "vxlan" } });
    const { server } = joining;
    const hosts = [1, 2, 3].map((number) => addHost(bed, server, number));
    const [own, theirs, ours] = hosts as [Host, Host, Host];
    const daemons: Daemon[] = [];
    for (const [host, by] of [
      [own, "agent"],
      [theirs, "flanneld"],
      [ours, "agent"],
    ] as const) {
      const daemon = start(bed, host, by, joining);
      await daemon.until(`the file of ${host.name}`, () => host.hasJoined);
      daemons.push(daemon);
    }
    const [agent] = daemons as [Daemon];
    const others = [theirs, ours];
    await agent.until("each other", () => others.every((host) => knows(host, 1)));
    const before = own.entries();

    server.removeNode(own.name);
    await agent.until("a word of it", () => agent.said.includes('Node "node1" is deleted'));
    await agent.until("its end", () => others.every((host) => !knows(host, 1)));
    expect(own.entries()).toBe(before);
    server.addNode(own.name, subnetsOf(1));
    await agent.until("each other again", () => others.every((host) => knows(host, 1)));
    expect(conditionsOf(joining, own)).toContain("FlannelIsUp");

    server.removeNode(own.name);
    server.addNode(own.name, subnetsOf(7));
    await agent.until("other subnets", () => {
      const { FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET } = own.environment;
      return FLANNEL_SUBNET === "10.77.7.1/24" && FLANNEL_IPV6_SUBNET === "fd77:0:0:7::1/64";
    });
    await agent.until("them elsewhere", () =>
      others.every((host) => knows(host, 7) && !knows(host, 1)),
    );
    const pods = hosts.map((host) => host.pod());
    expect(pods[0]?.addresses[0]).toMatch(/^10\.77\.7\./);
    waitUntil("all pods", () => unreached(pods).length === 0);
  });
});
