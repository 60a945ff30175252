/**
 * The hosts of the network, as the store tells of them, and what changes among them.
 *
 *   all compared ──▶ changes, each by itself ──▶ one claims what another does ──▶ all compared
 *
 * Comparing thousands takes a tenth of a second, one change a millisecond.
 */

import { equalAddresses } from "../lib/ip/address.ts";
import { type Cidr, containsAddress } from "../lib/ip/cidr.ts";
import { ClaimIndex } from "../lib/overlay/contract/claim-index.ts";
import type { Part } from "../lib/overlay/contract/claims.ts";
import { findClashes, partsOf } from "../lib/overlay/contract/clashes.ts";
import { ContractError } from "../lib/overlay/contract/error.ts";
import { type End, hostToJson } from "../lib/overlay/contract/host.ts";
import { isThisHost } from "../lib/overlay/contract/peers.ts";
import type { PeerChange } from "../lib/overlay/peer-changes.ts";
import { type Peer, PeerList } from "../lib/overlay/peers.ts";
import type { Keyed, StoreHost } from "../lib/store/store.ts";
import { backendOf, type HostText, packHost, unpackHost } from "./host-text.ts";
import { isRouted, type Own, type UsableEnd, usableEnds } from "./usable.ts";

/** All hosts that can be used, compared with each other. */
export interface Compared {
  /** For each of this host's ends the others' ends; a host has one number in all lists. */
  readonly lists: readonly PeerList[];
  /** Why hosts are left out, one sentence for each. */
  readonly leftOut: readonly string[];
}

/** For each of this host's ends, what has changed of the others. */
export type Changes = readonly (readonly PeerChange[])[];

/** The hosts of a network without this one. */
export class Members {
  #hosts: Map<string, HostText> = new Map<string, HostText>();
  /** What was compared last; undefined: all is to be compared. */
  #own: Own | undefined;
  /** With what hosts were looked at last. */
  #compared: Own | undefined;
  #index = new ClaimIndex();
  /** Those that changed since, as they were. */
  readonly #before = new Map<string, HostText | undefined>();
  /** Who is left out: since they cannot be used, and since they claim what others do. */
  readonly #unusable = new Map<string, string>();
  #clashes: readonly string[] = [];
  /** This host's backend, as far as it is known. */
  #backend = "";
  /** Hosts as they were before they took another backend: what leads to them stays meanwhile. */
  readonly #former = new Map<string, HostText>();
  readonly #strange = new Map<string, string>();
  /** What a peers file says of them, as far as it has been written; "" is nothing. */
  readonly #json = new Map<string, string>();

  /** How many can be used. */
  get size(): number {
    return this.#hosts.size - this.#unusable.size - this.#clashes.length;
  }

  get leftOut(): readonly string[] {
    return [...this.#unusable.values(), ...this.#strange.values(), ...this.#clashes];
  }

  get hasChanges(): boolean {
    return this.#before.size > 0;
  }

  /** These hosts and no others. */
  replaceAll(hosts: Iterable<Keyed>): void {
    const all = new Map<string, HostText>();
    for (const [key, host] of hosts) {
      const text = packHost(host);
      this.#remember(key, text);
      all.set(key, text);
    }
    for (const key of this.#former.keys()) if (!all.has(key)) this.#former.delete(key);
    this.#hosts = all;
    this.compareAgain();
  }

  /** A host is new, or another, or gone; false if nothing is new of it. */
  change(key: string, host: StoreHost | undefined): boolean {
    const [before, after] = [this.#hosts.get(key), host && packHost(host)];
    if (before === after) return false;
    if (this.#own && !this.#before.has(key)) this.#before.set(key, this.#textOf(key));
    this.#remember(key, after);
    if (after === undefined) this.#hosts.delete(key);
    else this.#hosts.set(key, after);
    this.#json.delete(key);
    return true;
  }

  /** A host becomes another: what it was stays known while it has another backend than this host. */
  #remember(key: string, after: HostText | undefined): void {
    const before = this.#hosts.get(key);
    if (before === after || before === undefined) return;
    if (after === undefined || backendOf(after) === this.#backend) this.#former.delete(key);
    else if (backendOf(before) === this.#backend) this.#former.set(key, before);
  }

  /** What a host is to this one: with another backend, and no route to it, what it was with this host's. */
  #textOf(key: string): HostText | undefined {
    const [former, current] = [this.#former.get(key), this.#hosts.get(key)];
    const own = this.#compared;
    if (former === undefined || current === undefined || own === undefined)
      return former ?? current;
    return isRouted(unpackHost(current), own) ? current : former;
  }

  /** From now on nothing is known of what was compared. */
  compareAgain(): void {
    this.#own = undefined;
    this.#before.clear();
    this.#json.clear();
  }

  /** All that can be used; what changes from now on is compared with that. */
  compare(own: Own): Compared {
    const lists = own.ends.map(() => new PeerList());
    this.#unusable.clear();
    this.#strange.clear();
    if (own.backend !== this.#backend) this.#former.clear();
    this.#backend = own.backend;
    this.#compared = own;
    this.#index = new ClaimIndex();
    this.#index.addAll(this.#claimed(own, lists));
    this.#own = own;
    this.#before.clear();
    return this.#withoutClashes(lists, own);
  }

  /** All that is claimed; who claims it is added to the lists. */
  *#claimed(own: Own, lists: readonly PeerList[]): Iterable<Part> {
    yield* partsOf(ownEnds(own));
    for (const key of this.#hosts.keys()) {
      const ends = this.#endsOf(key, this.#textOf(key), own);
      for (const [i, end] of ends.entries()) lists[i]?.add(peerOf(end, own));
      this.#json.set(key, jsonOf(ends, own));
      yield* partsOf(ends);
    }
  }

  /** What has changed since all was compared; undefined if all must be compared again. */
  takeChanges(): Changes | undefined {
    const own = this.#own;
    if (!own) return undefined;
    const changes = Array.from(this.#before, ([key, before]) => ({
      before: this.#endsOf(key, before, own),
      after: this.#endsOf(key, this.#textOf(key), own),
    }));
    this.#before.clear();
    const claims = changes.map(({ before, after }) => [partsOf(before), partsOf(after)] as const);
    const gone = claims.flatMap(([before, after]) => before.filter((part) => !isIn(after, part)));
    const kept = claims.flatMap(([before, after]) => before.filter((part) => isIn(after, part)));
    for (const part of gone) this.#index.remove(part);
    let isAlone = kept.every((part) => this.#index.isAlone(part));
    if (gone.some((part) => this.#index.touches(part))) isAlone = false;
    for (const part of claims.flatMap(([before, after]) =>
      after.filter((each) => !isIn(before, each)),
    )) {
      if (this.#index.touches(part)) isAlone = false;
      this.#index.add(part);
    }
    if (!isAlone) this.#own = undefined;
    return isAlone
      ? own.ends.map((_, i) => changes.map((each) => changeOf(each, i, own)))
      : undefined;
  }

  /** The ends of each host that can be used, with those that claim what others do. */
  *usable(own: Own | undefined = this.#own): Iterable<readonly End[]> {
    if (!own) return;
    for (const key of this.#hosts.keys()) {
      const ends = this.#endsOf(key, this.#textOf(key), own);
      if (ends.length > 0) yield ends;
    }
  }

  /** The hosts of a peers file, each as JSON: whoever reads it compares them with each other. */
  *inJson(own: Own): Iterable<string> {
    for (const key of this.#hosts.keys()) {
      const text = this.#textOf(key);
      const json = this.#json.get(key) ?? jsonOf(this.#endsOf(key, text, own), own);
      this.#json.set(key, json);
      if (json !== "") yield json;
    }
  }

  /** None of a host that cannot be used, which is remembered, or of this host. */
  #endsOf(key: string, text: HostText | undefined, own: Own): readonly UsableEnd[] {
    this.#unusable.delete(key);
    this.#strange.delete(key);
    if (text === undefined) return [];
    if (text === this.#former.get(key)) this.#strange.set(key, this.#strangeInWords(key));
    try {
      const ends = usableEnds(key, unpackHost(text), own);
      if (ends[0]?.isOther) this.#strange.set(key, otherInWords(key, text, own));
      return isThisHost(ends, { ...own, vni: 0 }) ? [] : ends;
    } catch (cause) {
      if (!(cause instanceof ContractError)) throw cause;
      this.#unusable.set(key, cause.message);
      return [];
    }
  }

  #strangeInWords(key: string): string {
    const backend = backendOf(this.#hosts.get(key) ?? "");
    return `Cannot follow host "${key}": its backend is "${backend}" now; what leads to it stays`;
  }

  #withoutClashes(lists: readonly PeerList[], own: Own): Compared {
    this.#clashes = [];
    if (!this.#index.hasTouching()) return { lists, leftOut: this.leftOut };
    const count = 1 + (lists[0]?.size ?? 0);
    const mine = ownEnds(own);
    const endsOf = (host: number) => (host === 0 ? mine : lists.map((list) => list.get(host - 1)));
    const clashes = findClashes({ count, trusted: 0, endsOf });
    this.#clashes = [...clashes.values()];
    if (clashes.size === 0) return { lists, leftOut: this.leftOut };
    const kept = lists.map((list) => list.without((peer) => clashes.has(peer + 1)));
    return { lists: kept, leftOut: this.leftOut };
  }
}

function isIn(parts: readonly Part[], { space, address, prefixLength }: Part): boolean {
  return parts.some(
    (each) =>
      each.space === space &&
      each.prefixLength === prefixLength &&
      equalAddresses(each.address, address),
  );
}

function otherInWords(key: string, text: HostText, { backend }: Own): string {
  const state = `its backend is "${backendOf(text)}", and this host's "${backend}"`;
  return `Cannot be sure that host "${key}" is reached: ${state}; there is a route to it`;
}

/** Who has another backend is not for those who read the file. */
function jsonOf(ends: readonly UsableEnd[], { backend }: Own): string {
  if (ends.length === 0 || ends[0]?.isOther) return "";
  const subnets = ends.flatMap((end) => end.subnets);
  const isDevice = backend === "vxlan";
  const told = ends.map(({ publicIP, mac }) => ({ publicIP, mac: isDevice ? mac : undefined }));
  return JSON.stringify(hostToJson({ subnets, ends: told }));
}

/** All that this host claims. */
function ownEnds({ ends, published }: Own): readonly End[] {
  const mac = ends[0]?.mac ?? new Uint8Array(6);
  return [...ends, ...published.map((publicIP) => ({ subnets: [], publicIP, mac }))];
}

function peerOf({ isOther, subnets, publicIP, mac }: UsableEnd, own: Own): Peer {
  const isNear = (link: Cidr) => containsAddress(link, publicIP);
  return { subnets, publicIP, mac, isDirect: isOther || (own.isDirect && own.links.some(isNear)) };
}

/** A host's ends as they were and as they are. */
interface EndsChange {
  readonly before: readonly UsableEnd[];
  readonly after: readonly UsableEnd[];
}

function changeOf({ before, after }: EndsChange, number: number, own: Own): PeerChange {
  const [old, current] = [before[number], after[number]];
  return { before: old && peerOf(old, own), after: current && peerOf(current, own) };
}
