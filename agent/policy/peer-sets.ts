/** The sets that chains use: what is in each, and what changes in them as pods do. */

import type { Element, PeerSet, SetChange } from "../../lib/filter/ruleset.ts";
import { type IpAddress, parseAddress } from "../../lib/ip/address.ts";
import type { Cluster } from "./cluster.ts";
import { LabelIndex } from "./label-index.ts";
import type { Pod } from "./objects.ts";
import { type Peers, portsIn } from "./peers.ts";
import { isBlock } from "./policy.ts";
import { everything, type Selector } from "./selector.ts";

/** A set in use, and what has changed in it since changes were taken. */
interface Used {
  readonly peers: Peers;
  users: number;
  isNew: boolean;
  /** By the texts of elements: true is added. */
  readonly changes: Map<string, boolean>;
}

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
      this.#note(before[i] ?? [], after, false);
      this.#note(after, before[i] ?? [], true);
    });
  }

  /** What has changed; sets that nothing uses are gone. */
  takeChanges(): ReadonlyMap<string, SetChange> {
    const taken = new Map<string, SetChange>();
    for (const used of this.#changed) {
      const change = used.users === 0 ? this.#end(used) : changeOf(used);
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
      const elements = [...this.#elements(peers)].map(elementOf);
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
    for (const element of this.#elements(peers)) used.changes.set(element, true);
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
    return isNew ? undefined : { state: "gone", hasPorts, added: [], removed: [] };
  }

  #indexFor(peers: Peers): LabelIndex<Used> {
    const namespace = namespaceOf(peers);
    if (namespace === undefined) return this.#wide;
    const index = this.#narrow.get(namespace) ?? new LabelIndex<Used>();
    this.#narrow.set(namespace, index);
    return index;
  }

  *#elements(peers: Peers): Iterable<string> {
    const namespace = namespaceOf(peers);
    const pods = namespace === undefined ? this.#cluster.pods : this.#cluster.podsIn(namespace);
    const seen = new Set<string>();
    for (const { addresses } of pods) {
      for (const address of addresses) {
        if (seen.has(address)) continue;
        seen.add(address);
        for (const port of portsIn(this.#cluster, peers, address)) yield textOf(address, port);
      }
    }
  }

  /** The sets that an address is in, and as what. */
  #placesOf(address: string): readonly Place[] {
    const [pod] = this.#cluster.podsAt(address);
    if (!pod) return [];
    const places: Place[] = [];
    this.#candidates(pod, (used) => {
      for (const port of portsIn(this.#cluster, used.peers, address)) {
        places.push({ used, element: textOf(address, port) });
      }
    });
    return places;
  }

  /** An address that has several pods is only where each of them is: one is enough to look for. */
  #candidates({ namespace, labels }: Pod, tell: (used: Used) => void): void {
    this.#wide.candidates(labels, tell);
    this.#narrow.get(namespace)?.candidates(labels, tell);
  }

  /** Notes what is in some places and not in others. */
  #note(places: readonly Place[], others: readonly Place[], isThere: boolean): void {
    for (const { used, element } of places) {
      if (others.some((each) => each.used === used && each.element === element)) continue;
      if (used.changes.get(element) === !isThere) used.changes.delete(element);
      else used.changes.set(element, isThere);
      this.#changed.add(used);
    }
  }
}

/** An element of a set. */
interface Place {
  readonly used: Used;
  readonly element: string;
}

function changeOf({ peers, isNew, changes }: Used): SetChange | undefined {
  if (!isNew && changes.size === 0) return undefined;
  const elements = (isAdded: boolean) =>
    [...changes].flatMap(([text, is]) => (is === isAdded ? [elementOf(text)] : []));
  return {
    state: isNew ? "new" : "changed",
    hasPorts: peers.port !== undefined,
    added: elements(true),
    removed: elements(false),
  };
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
