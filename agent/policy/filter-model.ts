/**
 * A packet filter for tests: it has what changes of a ruleset leave in it, refuses what a kernel
 * would, and judges packets by it.
 */

import type { Element } from "../../lib/filter/element-list.ts";
import {
  type Allow,
  type Chain,
  isOfNamedPort,
  type JudgedAddress,
  type Ruleset,
  type RulesetChanges,
  type SetChange,
} from "../../lib/filter/ruleset.ts";
import { formatAddress, parseAddress } from "../../lib/ip/address.ts";
import { isInBlock } from "./peers.ts";
import type { Direction, PortRange } from "./policy.ts";

/** The first packet of a connection; addresses are in canonical text. */
export interface Packet {
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
  readonly port: number;
}

interface ModelSet {
  readonly hasPorts: boolean;
  readonly elements: Set<string>;
}

/** Sets, chains and maps, as they are after changes. */
export class FilterModel {
  readonly sets = new Map<string, ModelSet>();
  readonly chains = new Map<string, Chain>();
  readonly addresses = new Map<string, JudgedAddress>();

  /** Throws if something is added that is there, removed that is not, or named and not there. */
  apply({ sets, chains, addresses }: RulesetChanges): void {
    for (const [name, change] of sets) this.#applySet(name, change);
    for (const [name, chain] of chains) {
      if (chain) this.chains.set(name, chain);
      else require(this.chains.delete(name), `no chain ${name}`);
    }
    for (const [text, judged] of addresses) {
      if (judged) this.addresses.set(text, judged);
      else require(this.addresses.delete(text), `no address ${text}`);
    }
    this.#requireWhole();
  }

  #applySet(name: string, { state, hasPorts, added, removed }: SetChange): void {
    require((state === "new") !== this.sets.has(name), `${name} is ${state}`);
    const set = this.sets.get(name) ?? { hasPorts, elements: new Set() };
    for (const each of removed) require(set.elements.delete(textOf(each)), `${name} lacks it`);
    for (const each of added) {
      require(!set.elements.has(textOf(each)), `${name} has ${textOf(each)}`);
      require((each.port !== undefined) === hasPorts, `${name} is of another type`);
      set.elements.add(textOf(each));
    }
    if (state === "gone") this.sets.delete(name);
    else this.sets.set(name, set);
  }

  /** Everything that is named is there, and everything that is there is named. */
  #requireWhole(): void {
    const chains = [...this.addresses.values()].flatMap(({ ingress, egress }) => [ingress, egress]);
    const named = new Set(chains.filter((name) => name !== undefined));
    requireSame(named, this.chains.keys(), "chains");
    const sets = [...this.chains.values()].flatMap(({ allows }) => allows.flatMap(setOf));
    requireSame(new Set(sets), this.sets.keys(), "sets");
  }

  /** The same as plain values, to be compared. */
  get contents(): unknown {
    return contents(this.sets, this.chains, this.addresses);
  }

  /** Whether a packet gets through. */
  lets(packet: Packet): boolean {
    const egress = this.addresses.get(packet.from)?.egress;
    const ingress = this.addresses.get(packet.to)?.ingress;
    const accepts = (chain: string | undefined, other: string) =>
      chain === undefined ||
      (this.chains.get(chain)?.allows ?? []).some((allow) => this.#fits(allow, packet, other));
    return accepts(egress, packet.to) && accepts(ingress, packet.from);
  }

  #fits(allow: Allow, packet: Packet, other: string): boolean {
    const has = (set: string, element: string) => this.sets.get(set)?.elements.has(element);
    if (isOfNamedPort(allow)) {
      const isThere = has(allow.destinations, `${packet.to} ${packet.port}`) ?? false;
      return isThere && allow.protocol === packet.protocol;
    }
    const { peers, ports } = allow;
    const isFrom =
      peers === undefined || ("set" in peers ? has(peers.set, other) : isInBlock(peers, other));
    return isFrom === true && (ports?.some((each) => hasPort(each, packet)) ?? true);
  }
}

function hasPort({ protocol, range: [first, last] = [0, 65_535] }: PortRange, packet: Packet) {
  return protocol === packet.protocol && packet.port >= first && packet.port <= last;
}

/** A whole ruleset as plain values, to be compared with a model's. */
export function contentsOf({ sets, chains, addresses }: Ruleset): unknown {
  const all = [...sets].map(([name, { hasPorts, elements }]) => {
    return [name, { hasPorts, elements: new Set([...elements].map(textOf)) }] as const;
  });
  return contents(new Map(all), chains, addresses);
}

function contents(
  sets: ReadonlyMap<string, ModelSet>,
  chains: ReadonlyMap<string, Chain>,
  addresses: ReadonlyMap<string, JudgedAddress>,
): unknown {
  const elements = [...sets].map(([name, { hasPorts, elements: all }]) => {
    return [name, hasPorts, [...all].sort()];
  });
  const judged = [...addresses].map(([text, each]) => {
    const { address, ...verdicts } = each as JudgedAddress & { [direction in Direction]: unknown };
    return [text, formatAddress(address), verdicts];
  });
  return [elements, [...chains], judged].map((list) =>
    list.map((each) => JSON.stringify(each)).sort(),
  );
}

function setOf(allow: Allow): readonly string[] {
  if (isOfNamedPort(allow)) return [allow.destinations];
  return allow.peers && "set" in allow.peers ? [allow.peers.set] : [];
}

function textOf({ address, port }: Element): string {
  require(parseAddress(formatAddress(address)) !== undefined, "no address");
  return port === undefined ? formatAddress(address) : `${formatAddress(address)} ${port}`;
}

function requireSame(named: Set<string>, there: Iterable<string>, what: string): void {
  const all = [...there];
  require(all.every((name) => named.has(name)) && all.length === named.size, `other ${what}`);
}

function require(is: boolean, words: string): void {
  if (!is) throw new Error(words);
}
