/** The store that a Kubernetes cluster is: its Nodes are the hosts, as flannel has it. */

import type { Cancel, Clock } from "../../host/clock.ts";
import { readTextIfPresent } from "../../host/file.ts";
import { randomFraction } from "../../host/random.ts";
import type { OpenStream } from "../../host/stream.ts";
import { parseAddress } from "../../ip/address.ts";
import { isObject } from "../../overlay/contract/host.ts";
import { BackOff } from "../back-off.ts";
import type { NetworkConfig } from "../network.ts";
import type { Hints, OwnHost, Store, StoreEvents } from "../store.ts";
import { accessTo, type Environment, type Whereabouts } from "./access.ts";
import { type AnnotationNames, annotationNames } from "./annotations.ts";
import { Api, Refusal } from "./api.ts";
import { Follower } from "./follower.ts";
import { HostTable } from "./host-table.ts";
import { NetConf } from "./net-conf.ts";
import { factsOf, type NodeFacts } from "./node.ts";
import { OwnNode } from "./own-node.ts";
import { nodes } from "./resource.ts";

/** What flannel's command line and variables say. */
export interface KubernetesOptions extends Whereabouts {
  readonly annotationPrefix: string;
  readonly netConfigPath: string;
  /** Whether the node's condition NetworkUnavailable is set. */
  readonly setsNetworkUnavailable: boolean;
  /** NODE_NAME, or else the pod whose node it is; without both the host's own name. */
  readonly nodeName: string | undefined;
  readonly pod: Pod | undefined;
}

interface Pod {
  readonly name: string;
  readonly namespace: string;
}

/** What a store works with. */
export interface StoreMeans {
  readonly open: OpenStream;
  readonly clock: Clock;
  readonly environment: Environment;
}

/** A store for these options; throws Failure if they cannot be used. */
export function kubernetesStore(options: KubernetesOptions, means: StoreMeans): Store {
  return new KubernetesStore(options, means, annotationNames(options.annotationPrefix));
}

type Source = "config" | "own" | "nodes";

class KubernetesStore implements Store {
  readonly #options: KubernetesOptions;
  readonly #clock: Clock;
  readonly #names: AnnotationNames;
  readonly #api: Api;
  readonly #netConf: NetConf;
  readonly #follower: Follower;
  readonly #apiCounts = { requests: 0, failures: 0 };
  readonly #problems = new Map<Source, string>();
  #events: StoreEvents | undefined;
  #network: NetworkConfig | undefined;
  #table: HostTable | undefined;
  #own: OwnNode | undefined;
  /** What was told of the network and this host last, in words. */
  #told = "";
  #problem: string | undefined;
  #cancel: Cancel = () => {};
  #isOwnListed = false;

  constructor(options: KubernetesOptions, means: StoreMeans, names: AnnotationNames) {
    const { open, clock, environment } = means;
    this.#options = options;
    this.#clock = clock;
    this.#names = names;
    const access = accessTo(options, environment);
    this.#api = new Api({ open, clock, access, counts: this.#apiCounts });
    this.#netConf = new NetConf(options.netConfigPath, clock, {
      onNetwork: (network) => this.#setNetwork(network),
      onProblem: (problem) => this.#setProblem("config", problem),
    });
    const following = { resource: nodes, clock, random: randomFraction };
    this.#follower = new Follower(this.#api, following, this.#listeners);
  }

  get counts(): Readonly<Record<string, number>> {
    const { lists, watches } = this.#follower.counts;
    const { patches = 0 } = this.#own?.counts ?? {};
    return { ...this.#apiCounts, lists, watches, patches };
  }

  start(events: StoreEvents): void {
    this.#events = events;
    this.#netConf.start();
  }

  publish(own: OwnHost): void {
    this.#own?.publish(own);
  }

  stop(): void {
    this.#cancel();
    this.#netConf.stop();
    this.#own?.stop();
    this.#follower.stop();
    this.#api.close();
  }

  #setProblem(source: Source, problem: string | undefined): void {
    if (problem === undefined) this.#problems.delete(source);
    else this.#problems.set(source, problem);
    const words = this.#problems.size === 0 ? undefined : [...this.#problems.values()].join("; ");
    if (words === this.#problem) return;
    this.#problem = words;
    this.#events?.onProblem(words);
  }

  #setNetwork(network: NetworkConfig): void {
    const isFirst = this.#network === undefined;
    this.#network = network;
    if (isFirst) this.#findName(new BackOff(500, 30_000, randomFraction));
    else this.#changeNetwork(network);
  }

  /** All hosts are read anew: they may be others in another network. */
  #changeNetwork(network: NetworkConfig): void {
    if (!this.#table) return;
    this.#table.reset(network);
    this.#told = "";
    this.#own?.start();
    this.#follower.start();
  }

  #findName(backOff: BackOff): void {
    const { nodeName, pod } = this.#options;
    if (nodeName || !pod) this.#follow(nodeName || hostName());
    else this.#askForName(pod, backOff);
  }

  #askForName(pod: Pod, backOff: BackOff): void {
    const [namespace, name] = [pod.namespace, pod.name].map(encodeURIComponent);
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    const request = { method: "GET", path, verb: "get", resource: "pods" } as const;
    this.#cancel = this.#api.ask(request, (what) => {
      const found = what instanceof Refusal ? what : nodeOfPod(what);
      if (typeof found === "string") this.#follow(found);
      else {
        const refusal = found ?? this.#api.refuse(request, "the pod is on no node");
        this.#setProblem("own", refusal.message);
        this.#cancel = this.#clock.after(backOff.next(), () => this.#askForName(pod, backOff));
      }
    });
  }

  #follow(name: string): void {
    const means = {
      api: this.#api,
      clock: this.#clock,
      random: randomFraction,
      names: this.#names,
      network: () => this.#network,
      setsCondition: this.#options.setsNetworkUnavailable,
    };
    this.#own = new OwnNode(name, means, {
      onNode: (facts) => this.#seeOwn(facts),
      onJoined: (subnets) => this.#events?.onJoined(subnets),
      onLost: (reason) => this.#events?.onLost(reason),
      onProblem: (problem) => this.#setProblem("own", problem),
    });
    this.#own.start();
  }

  /** The network is told once this host's Node is known: its annotations say which address to take. */
  #seeOwn({ annotations }: NodeFacts): void {
    const network = this.#network;
    if (!network) return;
    const { nodePublicIP, nodePublicIPv6 } = annotations;
    const told = JSON.stringify([network, nodePublicIP, nodePublicIPv6]);
    if (told === this.#told) return;
    this.#told = told;
    this.#events?.onNetwork(network, this.#hints(annotations));
    if (this.#table) return;
    const note = (event: string, sentence: string) => this.#events?.onNote(event, sentence);
    this.#table = new HostTable(network, note);
    this.#follower.start();
  }

  #hints({ nodePublicIP, nodePublicIPv6 }: NodeFacts["annotations"]): Hints {
    return {
      publicIP: this.#hint(nodePublicIP, 4, "node-public-ip"),
      publicIPv6: this.#hint(nodePublicIPv6, 16, "node-public-ipv6"),
    };
  }

  #hint(text: string | undefined, bytes: number, name: string): Uint8Array | undefined {
    if (!text) return undefined;
    const address = parseAddress(text);
    if (address?.length === bytes) return address;
    const sentence = `Cannot use the annotation ${name}, ${JSON.stringify(text)}: it is no such address`;
    this.#events?.onNote("ignored", sentence);
    return undefined;
  }

  get #listeners() {
    return {
      onListBegin: () => {
        this.#isOwnListed = false;
        this.#table?.beginList();
      },
      onListed: (node: unknown) => this.#listed(node),
      onListEnd: () => this.#endList(),
      onChange: (node: unknown, isGone: boolean) => this.#change(node, isGone),
      onProblem: (problem: string | undefined) => this.#setProblem("nodes", problem),
    };
  }

  #listed(node: unknown): void {
    const facts = factsOf(node, this.#names);
    if (facts && facts.name === this.#own?.name) {
      this.#isOwnListed = true;
      this.#own.see(facts);
    } else if (facts) this.#table?.addListed(facts);
  }

  #endList(): void {
    if (!this.#isOwnListed) this.#own?.lose();
    if (this.#table) this.#events?.onHosts(this.#table.endList());
  }

  #change(node: unknown, isGone: boolean): void {
    const facts = factsOf(node, this.#names);
    if (!facts || !this.#table) return;
    if (facts.name === this.#own?.name) {
      if (isGone) this.#own.lose();
      else this.#own.see(facts);
    } else if (isGone) {
      if (this.#table.remove(facts.name)) this.#events?.onHost(facts.name, undefined);
    } else {
      const host = this.#table.change(facts);
      if (host) this.#events?.onHost(facts.name, host === "gone" ? undefined : host);
    }
  }
}

function nodeOfPod({ spec }: { readonly spec?: unknown }): string | undefined {
  const name = isObject(spec) ? spec.nodeName : undefined;
  return typeof name === "string" && name !== "" ? name : undefined;
}

/** The host's own name, as the kubelet takes it unless it is told another. */
function hostName(): string {
  return (readTextIfPresent("/proc/sys/kernel/hostname") ?? "").trim().toLowerCase();
}
