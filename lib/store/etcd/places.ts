/** Places in a network: which of its keys are this host's, and where there is room. */

import { formatAddress } from "../../ip/address.ts";
import { type Cidr, formatCidr, overlapCidrs } from "../../ip/cidr.ts";
import type { NetworkConfig } from "../network.ts";
import { chooseSubnet, countOf, isFit } from "./free.ts";
import { parseName } from "./keys.ts";
import { FOREVER } from "./lease.ts";
import type { KeyValue } from "./messages.ts";

/** What is known of the network's keys; names are without what all keys begin with. */
export interface Known {
  /** All names, with the revisions at which they were made. */
  readonly names: ReadonlyMap<string, number>;
  /** Those that say this host's public address. */
  readonly mine: ReadonlyMap<string, KeyValue>;
  /** Somebody has a name, since a revision. */
  learn(name: string, created: number): void;
}

export interface Place {
  readonly kv: KeyValue;
  readonly subnets: readonly Cidr[];
}

/** The first of our own keys, in this order, that fits the network and is nobody else's. */
export function ownPlace(
  order: Iterable<string>,
  known: Known,
  network: NetworkConfig,
): Place | undefined {
  for (const name of order) {
    const kv = known.mine.get(name);
    const subnets = kv && parseName(name);
    if (subnets && fits(subnets, network) && rivalsOf(name, known).length === 0) {
      return { kv, subnets };
    }
  }
  return undefined;
}

function fits(subnets: readonly Cidr[], { families }: NetworkConfig): boolean {
  return (
    subnets.length === families.length &&
    families.every((family, i) => subnets[i] !== undefined && isFit(family, subnets[i]))
  );
}

/** The names of others that were there earlier and share an address with this one. */
export function rivalsOf(name: string, known: Known): readonly string[] {
  const subnets = parseName(name) ?? [];
  const since = known.names.get(name) ?? Infinity;
  const rivals: string[] = [];
  for (const [other, created] of known.names) {
    if (created >= since || other === name || known.mine.has(other)) continue;
    const others = parseName(other) ?? [];
    if (subnets.some((a) => others.some((b) => overlapCidrs(a, b)))) rivals.push(other);
  }
  return rivals;
}

/** Our own keys but for one that do not fit the network any more. */
export function stalePlaces(
  name: string,
  known: Known,
  network: NetworkConfig,
): readonly KeyValue[] {
  return [...known.mine].flatMap(([other, kv]) => {
    const isStale = other !== name && kv.lease !== FOREVER && !ownPlace([other], known, network);
    return isStale ? [kv] : [];
  });
}

/** A free subnet of each family, those wished for first; a text says which family has none. */
export function wantedSubnets(
  { families }: NetworkConfig,
  { known, wished }: { readonly known: Known; readonly wished: readonly Cidr[] },
  random: () => number,
): readonly Cidr[] | string {
  const taken = [...known.names.keys()].flatMap((name) => parseName(name) ?? []);
  const chosen: Cidr[] = [];
  for (const family of families) {
    const subnet = chooseSubnet(family, { taken, wished }, random);
    if (!subnet) {
      const range = `${formatAddress(family.first)} to ${formatAddress(family.last)}`;
      const all = `all ${countOf(family)} subnets /${family.subnetLength} from ${range} are taken`;
      return `Cannot join network ${formatCidr(family.network)}: ${all}`;
    }
    chosen.push(subnet);
  }
  return chosen;
}
