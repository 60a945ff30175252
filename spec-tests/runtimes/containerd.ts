/** containerd on a machine of a test: started, killed and started anew, and asked by its CRI and by ctr. */
import { setTimeout as delay } from "node:timers/promises";
import { Daemon } from "../bed/daemon.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { containerdFolder } from "../bed/paths.ts";
import { Patience } from "../bed/patience.ts";
import { boxImage, makeBoxImage } from "./box.ts";
import type { RuntimeNode } from "./node.ts";
import { CriClient, configuration } from "./tools.ts";

/** A release of containerd, the folder of its programs on this machine, which Debian's has not, and its tests. */
export interface Release {
  readonly name: string;
  readonly folder?: string;
  readonly it: typeof it;
}

interface Options {
  readonly release: Release;
  readonly list: NetworkList;
}

/** A network's configuration list. */
export type NetworkList = Readonly<Record<string, unknown>>;

/** Debian's, and the one that tools/clients/build.sh makes. */
export const releases: readonly Release[] = [
  { name: "containerd of Debian", it },
  { name: "containerd 2.2.9", folder: containerdFolder, it: needs("containerd 2.2.9") },
];

/** What pods are attached to: the network of most nodes; with `more` options of host-local. */
export function podNetwork(subnet: string, cniVersion = "1.0.0", more: object = {}): NetworkList {
  const bridge = { type: "bridge", bridge: "cni0", isDefaultGateway: true, ipMasq: true };
  const ipam = { type: "host-local", ranges: [[{ subnet }]], ...more };
  return {
    ...{ cniVersion, name: "net" },
    plugins: [
      { ...bridge, hairpinMode: true, ipam },
      { type: "portmap", capabilities: { portMappings: true } },
      { type: "bandwidth", capabilities: { bandwidth: true } },
    ],
  };
}

const state = "/run/containerd";
const lists = "/etc/cni/net.d";
const bin = "/opt/cni/bin";
const socket = `${state}/containerd.sock`;

export class Containerd {
  readonly #node: RuntimeNode;
  readonly #path: string;
  #daemon: Daemon | undefined;
  #client: CriClient | undefined;
  #calls = 0;

  constructor(node: RuntimeNode, { release, list }: Options) {
    this.#node = node;
    this.#path = release.folder === undefined ? "" : `${release.folder}:`;
    const { bed } = node;
    bed.folder("opt");
    node.configure("cni/net.d/10-net.conflist", JSON.stringify(list));
    const places = { root: "/var/lib/containerd", state, opt: "/run/bed/opt" };
    bed.write("/run/bed/config.toml", configuration({ ...places, bin, lists, image: boxImage }));
  }

  /** The CRI. */
  get client(): CriClient {
    if (this.#client === undefined) throw new Error("Cannot ask containerd: it does not run");
    return this.#client;
  }

  /** Starts it, and waits until it answers and has the image. */
  async start(): Promise<void> {
    const { bed } = this.#node;
    const daemon = new Daemon(bed, this.#enter("containerd --config /run/bed/config.toml"));
    this.#daemon = daemon;
    const patience = new Patience();
    for (let error: unknown = "no answer"; ; error = await this.#connect()) {
      if (error === undefined) break;
      if (!patience.lasts()) throw new Error(`Cannot start containerd: ${error}\n${daemon.said}`);
      await delay(50);
    }
    if (!this.ctr("images list -q").includes(boxImage)) {
      const file = makeBoxImage(bed.path("/run/bed/node"));
      this.ctr(`images import ${file.slice(bed.path("").length)}`);
    }
  }

  async #connect(): Promise<unknown> {
    const client = new CriClient(this.#node.bed.path(socket));
    try {
      await client.version();
      this.#client = client;
      return undefined;
    } catch (error) {
      client.close();
      return error;
    }
  }

  /** Waits until a condition holds, while requests are on their way. */
  async until(what: string, holds: () => boolean): Promise<void> {
    await this.#daemon?.until(what, holds);
  }

  /** Runs ctr in the namespace of Kubernetes. */
  ctr(words: string): string {
    return this.#node.bed.host.sh(
      this.#enter(`ctr --address ${socket} --namespace k8s.io ${words}`),
    );
  }

  /** Runs a program in a container and returns what it printed. */
  inside(id: string, words: string): string {
    return this.ctr(`tasks exec --exec-id weft-${++this.#calls} ${id} ${words}`);
  }

  /** Removes all pods. */
  async removeAll(): Promise<void> {
    for (const id of await this.client.pods()) await this.client.removePod(id);
  }

  /** Kills it; its containers go on. */
  async kill(): Promise<void> {
    this.#disconnect();
    this.#node.kill("containerd");
    await this.#daemon?.end("SIGKILL");
  }

  /** The machine loses its power, and starts again with it. */
  async restartMachine(): Promise<void> {
    this.#disconnect();
    this.#node.restart();
    await this.start();
  }

  #disconnect(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  #enter(words: string): string {
    const { bed } = this.#node;
    return this.#node.enter(`PATH=${this.#path}${bed.programs} ${words}`);
  }
}
