/** Elements of the sets and maps that an isolated address is in. */

import { family, type IpAddress } from "../../ip/address.ts";
import type { Request } from "../../netlink/message.ts";
import { NFT_GOTO } from "../../netlink/nft-expression.ts";
import { delElements, type NftSet, newElements } from "../../netlink/nft-request.ts";
import type { Direction, JudgedAddress } from "../ruleset.ts";
import { chainName } from "./cluster-chains.ts";
import { chunks } from "./cluster-sets.ts";
import type { ClusterTable } from "./cluster-table.ts";

export const directions: readonly Direction[] = ["egress", "ingress"];

/** An element: of a map it leads to a chain. */
export interface Wanted {
  readonly set: NftSet;
  readonly key: Uint8Array;
  readonly chain: string | undefined;
}

/** The names of an address's chains in the table; undefined where it is not isolated. */
export type ChainNames = { readonly [D in Direction]: string | undefined };

/** Those that a ruleset gives an address. */
export function chainNames(judged: JudgedAddress | undefined): ChainNames {
  const name = (direction: Direction) => {
    const chain = judged?.[direction];
    return chain === undefined ? undefined : chainName(chain, direction);
  };
  return { egress: name("egress"), ingress: name("ingress") };
}

/** Where an address is, if it has these chains. */
export function elementsOf(
  { own, drops, judges }: ClusterTable,
  address: IpAddress,
  names: ChainNames,
): readonly Wanted[] {
  const of = family(address);
  const isolated = directions.filter((direction) => names[direction] !== undefined);
  if (isolated.length === 0) return [];
  return [
    { set: own[of], key: Uint8Array.of(...address, ...address), chain: undefined },
    ...isolated.flatMap((direction) => [
      { set: drops[direction][of], key: address, chain: undefined },
      { set: judges[direction][of], key: address, chain: names[direction] },
    ]),
  ];
}

/** A text that two elements share if and only if they are one. */
export function elementName({ set, key, chain }: Wanted): string {
  return `${set.name} ${key.join()} ${chain ?? ""}`;
}

/** What takes elements away and then adds others, which may have the same keys. */
export function exchange(removed: readonly Wanted[], added: readonly Wanted[]): readonly Request[] {
  return [
    ...bySet(removed, (set, part) =>
      delElements(
        set,
        part.map(({ key }) => key),
      ),
    ),
    ...bySet(added, (set, part) => newElements(set, part.map(elementOf))),
  ];
}

function elementOf({ key, chain }: Wanted) {
  const value = { key: { value: key } };
  return chain === undefined ? value : { ...value, data: { verdict: { code: NFT_GOTO, chain } } };
}

type Ask = (set: NftSet, part: readonly Wanted[]) => Request;

function bySet(wanted: readonly Wanted[], ask: Ask): readonly Request[] {
  const sets = new Map<NftSet, Wanted[]>();
  for (const each of wanted) {
    const there = sets.get(each.set);
    if (there) there.push(each);
    else sets.set(each.set, [each]);
  }
  return [...sets].flatMap(([set, all]) => chunks(all).map((part) => ask(set, part)));
}
