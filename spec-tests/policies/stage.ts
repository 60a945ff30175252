/** Two hosts whose agents enforce network policies, pods on them, and a server that has all objects. */
import { expect } from "vitest";
import { StandIn } from "../agent/stand-in.ts";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import type { Way } from "../bed/reach.ts";
import { ApiServer } from "../cluster/api-server.ts";
import { addStoresAddress, Host, STORES } from "../cluster/host.ts";
import { addAccount, addHost, dual, start, subnetsOf } from "../cluster/kubernetes.ts";
import { repositoryFile } from "../cluster/objects.ts";
import type { Example } from "./examples.ts";
import { Objects, type PolicyServer, RealServer, StandInServer } from "./server.ts";
import { isLet, isOwnHost, judged, NONE } from "./verdict.ts";
import { World } from "./world.ts";

const network = { ...dual, Backend: { Type: "vxlan" } };

const ENFORCE = "--ip-masq --network-policy=enforce --healthz-port=8081";

/** A host and its agent. */
interface Joined {
  readonly host: Host;
  readonly agent: Daemon;
}

/** All of it. */
export class Stage {
  readonly bed: Bed;
  readonly world: World;
  readonly objects: Objects;
  readonly joined: readonly Joined[];

  constructor(bed: Bed, joined: readonly [Joined, Joined], server: PolicyServer) {
    this.bed = bed;
    this.joined = joined;
    this.world = new World(bed, [joined[0].host, joined[1].host]);
    this.objects = new Objects(server);
  }

  /** Has all namespaces and pods in the server. */
  async begin(): Promise<this> {
    await this.objects.change(this.world.objects);
    return this;
  }

  /** Waits until both hosts have heard of all objects, and let through what these say. */
  async enforced(): Promise<void> {
    for (const { host, agent } of this.joined) {
      await agent.until("what is enforced", () => this.objects.areEnforced(this.bed, host));
    }
  }

  /** Has an example's policies, and compares what gets through with what it says. */
  async expectExample({ title, policies, forbids }: Example): Promise<void> {
    await this.objects.setPolicies(policies);
    await this.enforced();
    const isAllowed = (way: Way) => isOwnHost(this.world, way) || !forbids(way);
    expect([title, judged(this.bed, this.world, isAllowed)]).toEqual([title, NONE]);
  }

  /** Compares what gets through with what another evaluator says of all objects; `what` is told if they differ. */
  async expectAsEvaluated(what: unknown): Promise<void> {
    await this.enforced();
    const [policies, pods, namespaces] = ["NetworkPolicy", "Pod", "Namespace"].map((kind) =>
      this.objects.of(kind),
    );
    const all = { policies: policies ?? [], pods: pods ?? [], namespaces: namespaces ?? [] };
    const found = judged(this.bed, this.world, (way) => isLet(this.world, all, way));
    expect([what, found]).toEqual([what, NONE]);
  }
}

/** With the real API server. */
export async function stageWithApiServer(bed: Bed): Promise<Stage> {
  addStoresAddress(bed);
  const server = await ApiServer.start(bed, STORES);
  const token = addAccount(server);
  server.apply(repositoryFile("deploy/weft-network-policy.yaml").split(/^---$/m));
  const joinBy = (host: Host) =>
    start(bed, host, "agent", { server, network, token, words: ENFORCE });
  const hosts = [addHost(bed, server, 1), addHost(bed, server, 2)] as const;
  return new Stage(bed, await join(hosts, joinBy), new RealServer(bed, server)).begin();
}

/** With the stand-in, which is returned as well, since it can do what no real one does. */
export async function stageWithStandIn(bed: Bed): Promise<{ stage: Stage; server: StandInServer }> {
  addStoresAddress(bed);
  const server = await new StandIn(bed, STORES).ready();
  const hosts = [new Host(bed, 1), new Host(bed, 2)] as const;
  for (const { name, number } of hosts) server.put(name, subnetsOf(number));
  const joinBy = (host: Host) => {
    bed.write(`${host.files}/net-conf.json`, JSON.stringify(network));
    const words = `--kube-subnet-mgr --net-config-path=${host.files}/net-conf.json --kube-api-url=${server.url}`;
    return host.join("agent", `${words} ${ENFORCE}`, `NODE_NAME=${host.name}`);
  };
  const objects = new StandInServer(bed, server.url);
  const stage = await new Stage(bed, await join(hosts, joinBy), objects).begin();
  return { stage, server: objects };
}

async function join(
  hosts: readonly [Host, Host],
  joinBy: (host: Host) => Daemon,
): Promise<readonly [Joined, Joined]> {
  const [one, two] = hosts.map((host) => ({ host, agent: joinBy(host) }));
  if (!one || !two) throw new Error("two hosts are wanted");
  for (const { host, agent } of [one, two]) {
    await agent.until("its subnet", () => host.hasJoined);
  }
  return [one, two];
}
