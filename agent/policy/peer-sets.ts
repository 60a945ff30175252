/** The sets that chains use: what is in each, and what changes in them as pods do. */

import { type Element, ElementList } from "../../lib/filter/element-list.ts";
import type { PeerSet, SetChange } from "../../lib/filter/ruleset.ts";
import { type IpAddress, parseAddress } from "../../lib/ip/address.ts";
import type { Cluster } from "./cluster.ts";
import { LabelIndex } from "./label-index.ts";
import { type Pod, portsNamed } from "./objects.ts";
import {
  isByNamespace,
  isInNamespaces,
  membersOf,
  NONE,
  type Peers,
  type Ports,
  portsIn,
  WITHOUT,
} from "./peers.ts";
import { isBlock } from "./policy.ts";
import { everything, type Selector, selects } from "./selector.ts";

/** A set in use, and what has changed in it since changes were taken. */
interface Used {
  readonly peers: Peers;
  users: number;
  isNew: boolean;
  /** By the texts of elements: true is added. Of a new set nothing is noted. */
  readonly changes: Map<string, boolean>;
}

/** The sets that an address is in, and by which ports. */
type Places = ReadonlyMap<Used, Ports>;

/** What is in sets is kept nowhere: it follows from the cluster, before and after a change. */
export class PeerSets {
  readonly #cluster: Cluster;
  readonly #used = new Map<string, Used>();
  /** Those of one namespace's pods, by its name, and the others. */
  readonly #narrow = new Map<string, LabelIndex<Used>>();
  readonly #wide = new LabelIndex<Used>();
  readonly #changed = new Set<Used>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** One more chain uses a set. */
  use(peers: Peers): void {
    const known = this.#used.get(peers.name);
    if (known) known.users++;
    else this.#begin(peers);
  }

  /** One chain less uses a set; it is kept until changes are taken. */
  release({ name }: Peers): void {
    const used = this.#used.get(name);
    if (!used) return;
    used.users--;
    if (used.users === 0) this.#changed.add(used);
  }

  /** Makes a change of the cluster that concerns these addresses, and notes what it changes in sets. */
  around(addresses: Iterable<string>, change: () => void): void {
    const all = [...addresses];
    const before = all.map((address) => this.#placesOf(address));
    change();
    all.forEach((address, i) => {
      const after = this.#placesOf(address);
      this.#note(address, { there: before[i] ?? NOWHERE, not: after, isAdded: false });
      this.#note(address, { there: after, not: before[i] ?? NOWHERE, isAdded: true });
    });
  }

  /** The same of a change of a namespace's labels: only sets that ask for them are looked at. */
  aroundNamespace(name: string, change: () => void): void {
    const asking = [...this.#used.values()].filter(({ peers }) => isByNamespace(peers.peer));
    const isIn = ({ peers }: Used) => isInNamespaces(this.#cluster, peers.peer, name);
    const before = asking.map(isIn);
    const contested = [...this.#cluster.contestedIn(name)];
    this.around(contested, change);
    asking.forEach((used, i) => {
      if (isIn(used) !== before[i]) this.#noteAll(used, name, isIn(used));
    });
  }

  /** What has changed; sets that nothing uses are gone. */
  takeChanges(): ReadonlyMap<string, SetChange> {
    const taken = new Map<string, SetChange>();
    for (const used of this.#changed) {
      const change = used.users === 0 ? this.#end(used) : this.#changeOf(used);
      if (change) taken.set(used.peers.name, change);
      used.isNew = false;
      used.changes.clear();
    }
    this.#changed.clear();
    return taken;
  }

  /** All sets in use. */
  all(): ReadonlyMap<string, PeerSet> {
    const sets = new Map<string, PeerSet>();
    for (const [name, { peers }] of this.#used) {
      const elements = elementsOf(this.#cluster, peers);
      sets.set(name, { hasPorts: peers.port !== undefined, elements });
    }
    return sets;
  }

  /** Whether a set in use has an address, or an address with a port. */
  isIn(set: string, address: string, port: number | undefined): boolean {
    const used = this.#used.get(set);
    return used !== undefined && portsIn(this.#cluster, used.peers, address).includes(port);
  }

  #begin(peers: Peers): void {
    const used: Used = { peers, users: 1, isNew: true, changes: new Map() };
    this.#used.set(peers.name, used);
    this.#indexFor(peers).add(selectorOf(peers), used);
    this.#changed.add(used);
  }

  #end(used: Used): SetChange | undefined {
    const { peers, isNew } = used;
    const index = this.#indexFor(peers);
    index.delete(selectorOf(peers), used);
    const namespace = namespaceOf(peers);
    if (namespace !== undefined && index.isEmpty) this.#narrow.delete(namespace);
    this.#used.delete(peers.name);
    const hasPorts = peers.port !== undefined;
    const none = new ElementList(hasPorts);
    return isNew ? undefined : { state: "gone", hasPorts, added: none, removed: none };
  }

  #changeOf({ peers, isNew, changes }: Used): SetChange | undefined {
    const hasPorts = peers.port !== undefined;
    if (isNew) {
      const added = elementsOf(this.#cluster, peers);
      return { state: "new", hasPorts, added, removed: new ElementList(hasPorts) };
    }
    const elements = (isAdded: boolean) =>
      ElementList.of(
        hasPorts,
        [...changes].flatMap(([text, is]) => (is === isAdded ? [elementOf(text)] : [])),
      );
    if (changes.size === 0) return undefined;
    return { state: "changed", hasPorts, added: elements(true), removed: elements(false) };
  }

  #indexFor(peers: Peers): LabelIndex<Used> {
    const namespace = namespaceOf(peers);
    if (namespace === undefined) return this.#wide;
    const index = this.#narrow.get(namespace) ?? new LabelIndex<Used>();
    this.#narrow.set(namespace, index);
    return index;
  }

  /** The sets that an address is in. */
  #placesOf(address: string): Places {
    const [pod] = this.#cluster.podsAt(address);
    if (!pod) return NOWHERE;
    const places = new Map<Used, Ports>();
    this.#candidates(pod, (used) => {
      const ports = used.isNew ? NONE : portsIn(this.#cluster, used.peers, address);
      if (ports.length > 0) places.set(used, ports);
    });
    return places;
  }

  /** An address that has several pods is only where each of them is: one is enough to look for. */
  #candidates({ namespace, labels }: Pod, tell: (used: Used) => void): void {
    this.#wide.candidates(labels, tell);
    this.#narrow.get(namespace)?.candidates(labels, tell);
  }

  /** Notes what is in some places and not in others. */
  #note(address: string, { there, not, isAdded }: Difference): void {
    for (const [used, ports] of there) {
      const others = not.get(used) ?? NONE;
      for (const port of ports) {
        if (!others.includes(port)) this.#noteElement(used, textOf(address, port), isAdded);
      }
    }
  }

  /** Notes that all pods of a namespace whose addresses are theirs alone come into a set, or leave it. */
  #noteAll(used: Used, namespace: string, isAdded: boolean): void {
    if (used.isNew) return;
    const { peers } = used;
    for (const { pods, labels } of this.#cluster.alike.in(namespace)) {
      if (!selects(selectorOf(peers), labels)) continue;
      for (const pod of pods) {
        for (const address of pod.fault === undefined ? pod.addresses : []) {
          if (this.#cluster.podsAt(address).length > 1) continue;
          const ports = peers.port ? portsNamed(pod, peers.port) : WITHOUT;
          for (const port of ports) this.#noteElement(used, textOf(address, port), isAdded);
        }
      }
    }
  }

  #noteElement(used: Used, element: string, isAdded: boolean): void {
    if (used.changes.get(element) === !isAdded) used.changes.delete(element);
    else used.changes.set(element, isAdded);
    this.#changed.add(used);
  }
}

/** Where an address is, and where it is not. */
interface Difference {
  readonly there: Places;
  readonly not: Places;
  readonly isAdded: boolean;
}

const NOWHERE: Places = new Map();

/** All that is in a set. */
function elementsOf(cluster: Cluster, peers: Peers): ElementList {
  const elements = new ElementList(peers.port !== undefined);
  for (const [text, ports] of membersOf(cluster, peers)) {
    const address = cluster.bytesOf(text);
    for (const port of ports) elements.add(address, port);
  }
  return elements;
}

function namespaceOf({ peer }: Peers): string | undefined {
  return isBlock(peer) ? undefined : peer.namespace;
}

function selectorOf({ peer }: Peers): Selector {
  return isBlock(peer) ? everything : peer.pods;
}

function textOf(address: string, port: number | undefined): string {
  return port === undefined ? address : `${address} ${port}`;
}

function elementOf(text: string): Element {
  const [address = "", port] = text.split(" ");
  return {
    address: parseAddress(address) as IpAddress,
    port: port === undefined ? undefined : Number(port),
  };
}
