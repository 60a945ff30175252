/**
 * The other hosts by what their Nodes said last that could be used. A Node that says something
 * else later, or nothing, takes no host away; only its deletion does.
 */

import type { NetworkConfig } from "../network.ts";
import type { Keyed, StoreHost } from "../store.ts";
import { hostOf, type NodeFacts } from "./node.ts";

/** Hosts as short texts: 5,000 of them take 2 MB, and it is cheap to see that nothing has changed. */
type Texts = Map<string, string>;

/** All hosts but this one. */
export class HostTable {
  readonly #note: (event: string, sentence: string) => void;
  /** Why a Node cannot be used, as it was told. */
  readonly #faults = new Map<string, string>();
  #network: NetworkConfig;
  #hosts: Texts = new Map();
  /** Those of a list that is not whole yet. */
  #listed: Texts = new Map();

  constructor(network: NetworkConfig, note: (event: string, sentence: string) => void) {
    this.#network = network;
    this.#note = note;
  }

  /** Forgets all hosts: they are those of another network. */
  reset(network: NetworkConfig): void {
    this.#network = network;
    this.#hosts = new Map();
    this.#faults.clear();
  }

  beginList(): void {
    this.#listed = new Map();
  }

  addListed(facts: NodeFacts): void {
    this.#listed.set(facts.name, textOf(facts));
  }

  /** The list is whole: these are all hosts there are, to be gone through once. */
  *endList(): Iterable<Keyed> {
    const listed = this.#listed;
    this.#listed = new Map();
    for (const [name, said] of listed) {
      const { text, host } = this.#read(JSON.parse(said) as NodeFacts, said);
      if (text === undefined) listed.delete(name);
      else listed.set(name, text);
      const known = host ?? this.#formerHost(text);
      if (known) yield [name, known];
    }
    this.#hosts = listed;
    for (const name of this.#faults.keys()) if (!listed.has(name)) this.#faults.delete(name);
  }

  #formerHost(text: string | undefined): StoreHost | undefined {
    if (text === undefined) return undefined;
    const host = hostOf(JSON.parse(text) as NodeFacts, this.#network);
    return "fault" in host ? undefined : host;
  }

  /** A Node is new or has changed: the host if it is another one now, "gone" if it is none any more. */
  change(facts: NodeFacts): StoreHost | "gone" | undefined {
    const former = this.#hosts.get(facts.name);
    const { text, host } = this.#read(facts);
    if (text === undefined) return this.#hosts.delete(facts.name) ? "gone" : undefined;
    if (text === former) return undefined;
    this.#hosts.set(facts.name, text);
    return host;
  }

  /** A Node is deleted: true if it was a host. */
  remove(name: string): boolean {
    this.#faults.delete(name);
    return this.#hosts.delete(name);
  }

  /** What a Node is, or was when it could be used last; `said` is its text, if it is known. */
  #read(
    facts: NodeFacts,
    said?: string,
  ): { readonly text?: string | undefined; readonly host?: StoreHost } {
    const host = hostOf(facts, this.#network);
    if (!("fault" in host)) {
      this.#faults.delete(facts.name);
      return { text: said ?? textOf(facts), host };
    }
    const former = this.#hosts.get(facts.name);
    const isSame = former !== undefined && (JSON.parse(former) as NodeFacts).uid === facts.uid;
    if (host.isMeant) this.#noteOnce(facts.name, host.fault, isSame);
    return { text: isSame ? former : undefined };
  }

  #noteOnce(name: string, fault: string, isKept: boolean): void {
    if (this.#faults.get(name) === fault) return;
    this.#faults.set(name, fault);
    const state = isKept ? "it stays as it was" : "it is left out";
    this.#note("ignored", `Cannot use Node "${name}": ${fault}; ${state}`);
  }
}

/** What makes a host, and no more: a Node changes often in what does not matter. */
function textOf({ name, uid, podCidrs, annotations }: NodeFacts): string {
  const { managed, type, data, dataV6, publicIP, publicIPv6 } = annotations;
  const kept = { managed, type, data, dataV6, publicIP, publicIPv6 };
  return JSON.stringify({ name, uid, podCidrs, annotations: kept });
}
