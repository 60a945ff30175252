/** A cluster: etcd, the API server, the controllers and the scheduler on the bed's host, and two nodes. */
import { setTimeout as delay } from "node:timers/promises";
import type { Bed } from "../bed/bed.ts";
import { createBed } from "../bed/bed.ts";
import type { Config } from "../bed/invocation.ts";
import { kubectlFile } from "../bed/paths.ts";
import { Patience, Pauses } from "../bed/patience.ts";
import type { View } from "../bed/view.ts";
import type { ApiServer } from "../cluster/api-server.ts";
import { manifestObjects } from "../cluster/kubernetes.ts";
import { type Release, releases } from "../runtimes/containerd.ts";
import { startControllers, startServer } from "./control-plane.ts";
import { KubernetesNode, type ProxyMode } from "./kubernetes-node.ts";
import { changesSince, isOfPod, stateOf } from "./node-state.ts";
import { type Pod, pod, podOf } from "./objects.ts";
import { rangesOf, withIPv6 } from "./ranges.ts";

export interface ClusterOptions {
  readonly proxyMode?: ProxyMode;
  readonly release?: Release;
  /** Whether pods and services have addresses of both families. */
  readonly isDual?: boolean;
  /** Changes an object of the manifest before it is applied. */
  readonly change?: (text: string) => string;
}

/** The mean time that something takes on a quiet machine, in milliseconds, is far below this. */
const USUAL = 120_000;

export class Cluster {
  readonly bed: Bed;
  readonly server: ApiServer;
  readonly nodes: readonly [KubernetesNode, KubernetesNode];

  private constructor(bed: Bed, server: ApiServer, { proxyMode, release, isDual }: ClusterOptions) {
    this.bed = bed;
    this.server = server;
    const options = {
      release: release ?? (releases[0] as Release),
      proxyMode: proxyMode ?? "iptables",
      isDual: isDual ?? false,
      kubeconfig: server.kubeconfig(),
    };
    this.nodes = [new KubernetesNode(bed, 1, options), new KubernetesNode(bed, 2, options)];
  }

  /** Starts one whose network the manifest has made; call `dispose` when done. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const bed = createBed();
    try {
      const ranges = rangesOf(options.isDual ?? false);
      const cluster = new Cluster(bed, await startServer(bed, ranges), options);
      startControllers(bed, cluster.server, ranges);
      const family = options.isDual ? withIPv6 : (text: string) => text;
      const { change = (text) => text } = options;
      await cluster.#begin((text) => family(change(text)));
      return cluster;
    } catch (error) {
      bed.dispose();
      throw error;
    }
  }

  async #begin(change: (text: string) => string): Promise<void> {
    for (const node of this.nodes) node.start();
    await this.until("nodes", () => this.#list("/api/v1/nodes").length === this.nodes.length);
    for (const { status, text } of this.server.apply(manifestObjects().map(change)))
      if (status !== 201) throw new Error(`Cannot apply the manifest: ${status} ${text}`);
    await this.until("a network", () =>
      this.nodes.every(({ name }) => this.readiness(name).isReady),
    );
    await this.until("agents", () => this.agents.filter(({ isReady }) => isReady).length === 2);
    await this.until("the default account", () => this.#hasAccount);
  }

  dispose(): void {
    this.bed.dispose();
  }

  get #hasAccount(): boolean {
    return (
      this.server.ask({ path: "/api/v1/namespaces/default/serviceaccounts/default" }).status < 300
    );
  }

  /** Whether the API server says of a node that it is ready, and what it says besides. */
  readiness(node: string): { readonly isReady: boolean; readonly message: string } {
    const { status } = this.server.node(node) as { readonly status: NodeStatus };
    const ready = status.conditions.find(({ type }) => type === "Ready");
    return { isReady: ready?.status === "True", message: ready?.message ?? "" };
  }

  /** Pods of the namespace default. */
  get pods(): readonly Pod[] {
    return this.podsOf("default");
  }

  /** The pods of the manifest. */
  get agents(): readonly Pod[] {
    return this.podsOf("kube-flannel");
  }

  podsOf(namespace: string): readonly Pod[] {
    return this.#list(`/api/v1/namespaces/${namespace}/pods`).map(podOf);
  }

  #list(path: string): readonly Config[] {
    return (this.server.do({ path }) as { readonly items: readonly Config[] }).items;
  }

  /** What went wrong with objects of the namespace default, by the events. */
  get failures(): readonly string[] {
    const events = this.#list("/api/v1/namespaces/default/events") as unknown as readonly Event[];
    return events
      .filter(({ type, involvedObject }) => type !== "Normal" && involvedObject.kind !== "Node")
      .map(({ reason, message }) => `${reason}: ${message}`);
  }

  /** Makes an object of the namespace default. */
  create(folder: string, body: Config): Config {
    return this.server.do({ method: "POST", path: pathOf(folder), body });
  }

  /** An object of it, as it is now. */
  read(folder: string, name: string): Config {
    return this.server.do({ path: `${pathOf(folder)}/${name}` });
  }

  /** Removes an object of it. */
  remove(folder: string, name: string): void {
    this.server.do({ method: "DELETE", path: `${pathOf(folder)}/${name}` });
  }

  /** Sets how many pods a Deployment has, and waits until it has as many, ready, and no other. */
  async scale(name: string, replicas: number): Promise<readonly Pod[]> {
    const path = `${pathOf("deployments")}/${name}/scale`;
    const type = "application/merge-patch+json";
    this.server.do({ method: "PATCH", path, body: { spec: { replicas } }, type });
    return await this.ready(name, replicas);
  }

  /** Waits until there are so many pods of an app, all ready, and no other; returns them. */
  async ready(app: string, count: number): Promise<readonly Pod[]> {
    let found: readonly Pod[] = [];
    await this.until(`${count} pods of ${app}`, () => {
      found = this.pods.filter((pod) => pod.app === app);
      return found.length === count && found.every(({ isReady }) => isReady);
    });
    return found;
  }

  /** Removes what is in the namespace default, and waits until nothing of it is on any node. */
  async removeAll(): Promise<void> {
    const isOwn = ({ metadata }: Config) => (metadata as Config).name !== "kubernetes";
    for (const folder of ["deployments", "services", "pods", "events"]) {
      for (const { metadata } of this.#list(pathOf(folder)).filter(isOwn))
        this.server.ask({
          method: "DELETE",
          path: `${pathOf(folder)}/${(metadata as Config).name}`,
        });
    }
    await this.until("the end of all pods", () => this.pods.length === 0);
    await this.settled();
  }

  /** Waits until on all nodes there run as many containers as there are pods' own, and those that hold pods. */
  async settled(): Promise<void> {
    const wanted = () => 2 * this.#list("/api/v1/pods").length;
    const there = () => this.nodes.reduce((sum, node) => sum + node.running.length, 0);
    await this.until("the end of containers", () => there() === wanted());
  }

  /** What is on each node when pods have been there, and no more of them is. */
  async resting(): Promise<ReadonlyMap<string, readonly string[]>> {
    for (const { name } of this.nodes)
      this.create("pods", pod({ app: `before-${name}`, node: name }));
    for (const { name } of this.nodes) await this.ready(`before-${name}`, 1);
    await this.removeAll();
    const states = () => this.nodes.map(({ name, machine }) => [name, stateOf(machine)] as const);
    await this.until("nodes at rest", () => states().every(([, lines]) => !lines.some(isOfPod)));
    return new Map(states());
  }

  /** What is on a node that was not there before, and the other way round, once no more of it goes; `but` what. */
  async leftOn(
    node: KubernetesNode,
    before: ReadonlyMap<string, readonly string[]>,
    but?: RegExp,
  ): Promise<readonly string[]> {
    const left = () =>
      changesSince(before.get(node.name) ?? [], stateOf(node.machine)).filter(
        (line) => but?.test(line) !== true,
      );
    for (const patience = new Patience(USUAL); left().length > 0 && patience.lasts(); )
      await delay(250);
    return left();
  }

  /** Runs kubectl as an administrator, and returns what it printed. */
  kubectl(words: string): string {
    const own = `--kubeconfig ${this.server.folder}/kubeconfig --cache-dir ${this.bed.folder("kubectl")}`;
    return this.bed.host.sh(`${kubectlFile} ${own} ${words}`);
  }

  /** Runs a script in the network of a pod. */
  inside(pod: Pod, script: string): string {
    return this.nodeOf(pod).inside(pod.container, script);
  }

  /** Runs a script of busybox in a pod, with its own files as well. */
  within(pod: Pod, script: string): string {
    return this.nodeOf(pod).within(pod.container, script);
  }

  /** What a box says to a pod: its name and by whom it is asked. */
  get(from: Pod, address: string): string {
    return answerOf(this.inside(from, getting(address)));
  }

  /** What a box says to somebody else. */
  getFrom(from: View, address: string): string {
    return answerOf(from.sh(getting(address)));
  }

  /** Asks until each box of these names, and no other, has answered. */
  async reachesAll(names: readonly string[], ask: () => string): Promise<void> {
    const heard = new Set<string>();
    await this.until(`answers of ${names.join(" and ")}`, () => {
      heard.add(ask().split(" ")[0] ?? "");
      return names.every((name) => heard.has(name));
    });
    if (heard.size !== names.length) throw new Error(`Others have answered: ${[...heard].join()}`);
  }

  nodeOf(pod: Pod): KubernetesNode {
    const node = this.nodes.find(({ name }) => name === pod.node);
    if (!node) throw new Error(`Cannot find the node of ${pod.name}: ${pod.node}`);
    return node;
  }

  /** Waits until a condition holds; if it never does, tells what the cluster says. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const [patience, pauses] = [new Patience(USUAL), new Pauses(100)];
    while (!holds()) {
      if (!patience.lasts()) throw new Error(`${what} did not come: ${this.#report()}`);
      await delay(pauses.next());
    }
  }

  #report(): string {
    const pods = [...this.agents, ...this.pods].filter(({ isReady }) => !isReady);
    const said = this.nodes.map((node) => node.said);
    return [JSON.stringify(pods), ...this.failures, ...said].join("\n");
  }
}

interface NodeStatus {
  readonly conditions: readonly {
    readonly type: string;
    readonly status: string;
    readonly message: string;
  }[];
}

interface Event {
  readonly type: string;
  readonly involvedObject: { readonly kind: string };
  readonly reason: string;
  readonly message: string;
}

/** Rules come a moment after the pods that they are for. */
function getting(address: string): string {
  const url = `http://${address}/cgi-bin/here`;
  return `for i in 1 2 3 4 5; do timeout 5 busybox wget -q -O - ${url} && exit; sleep 1; done; exit 1`;
}

function answerOf(text: string): string {
  const [, name = "", address = ""] =
    /^(\S+) \[?(?:::ffff:)?([^\]\s]+)\]?$/.exec(text.trim()) ?? [];
  return `${name} ${address}`;
}

const groups: Readonly<Record<string, string>> = {
  deployments: "/apis/apps/v1",
  networkpolicies: "/apis/networking.k8s.io/v1",
};

function pathOf(folder: string): string {
  return `${groups[folder] ?? "/api/v1"}/namespaces/default/${folder}`;
}
