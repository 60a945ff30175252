/** From policies to chains: what a pod's policies allow together. */

import type { Allow, Chain } from "../../lib/filter/ruleset.ts";
import type { Pod } from "./objects.ts";
import { portsNamed } from "./objects.ts";
import { type Peers, peersOf } from "./peers.ts";
import {
  type Direction,
  fullName,
  isBlock,
  isNamed,
  type NamedPort,
  type Policy,
  type PolicyPeer,
  type PolicyPort,
  type PolicyRule,
  type PortRange,
} from "./policy.ts";
import { everything } from "./selector.ts";

/** What makes a chain: policies in the order of their names, and the pod's numbers of ports they name. */
export interface Recipe {
  readonly name: string;
  readonly direction: Direction;
  /** By their full names. */
  readonly policies: readonly string[];
  readonly numbers: ReadonlyMap<string, readonly number[]>;
}

/** The chain that allows nothing. */
export function closed(direction: Direction): Recipe {
  return { name: `${direction} of nothing`, direction, policies: [], numbers: new Map() };
}

/** The chain of a pod that these policies isolate in a direction. */
export function recipeFor(pod: Pod, direction: Direction, policies: readonly Policy[]): Recipe {
  const names = policies.map(fullName).sort();
  const numbers = new Map<string, readonly number[]>();
  if (direction === "ingress") {
    for (const port of policies.flatMap(namesIn)) {
      numbers.set(nameOf(port), portsNamed(pod, port));
    }
  }
  const ports = [...numbers].map(([name, all]) => `${name}=${all.join(",")}`).sort();
  const name = [`${direction} of ${names.join(", ")}`, ...ports].join("; ");
  return { name, direction, policies: names, numbers };
}

/** The names of ports that a policy's rules for ingress have. */
function namesIn({ ingress }: Policy): readonly NamedPort[] {
  return (ingress ?? []).flatMap(({ ports }) => (ports ?? []).filter(isNamed));
}

function nameOf({ protocol, name }: NamedPort): string {
  return `${protocol} ${JSON.stringify(name)}`;
}

/** A chain with the sets it uses. */
export interface Made {
  readonly chain: Chain;
  readonly sets: readonly Peers[];
}

/** Makes a chain of the policies that its recipe names. */
export function makeChain(recipe: Recipe, policies: readonly Policy[]): Made {
  const { direction, numbers } = recipe;
  const sets = new Map<string, Peers>();
  const maker: Maker = {
    numbersOf: (port) => numbers.get(nameOf(port)) ?? [],
    setOf: (peer, port) => {
      const peers = peersOf(peer, port);
      sets.set(peers.name, peers);
      return peers.name;
    },
  };
  const allows = policies.flatMap((policy) =>
    (policy[direction] ?? []).flatMap((rule) =>
      allowsOf(rule, { direction, policy: fullName(policy) }, maker),
    ),
  );
  return { chain: { direction, allows }, sets: [...sets.values()] };
}

interface Maker {
  readonly numbersOf: (port: NamedPort) => readonly number[];
  readonly setOf: (peer: PolicyPeer, port: NamedPort | undefined) => string;
}

/** All pods there are. */
const ALL: PolicyPeer = { namespace: undefined, namespaces: undefined, pods: everything };

function allowsOf(
  { peers, ports }: PolicyRule,
  { direction, policy }: { readonly direction: Direction; readonly policy: string },
  { numbersOf, setOf }: Maker,
): readonly Allow[] {
  const isResolved = direction === "ingress";
  const ranges = ports?.flatMap((port) => rangesOf(port, isResolved ? numbersOf : () => []));
  const named = isResolved ? [] : (ports ?? []).filter(isNamed);
  const byNumber = (peer: PolicyPeer | undefined): Allow => {
    const isPlain = peer === undefined || isBlock(peer);
    return { policy, peers: isPlain ? peer : { set: setOf(peer, undefined) }, ports: ranges };
  };
  const numbered = ranges?.length === 0 ? [] : (peers ?? [undefined]).map(byNumber);
  const byName = named.flatMap((port) =>
    (peers ?? [ALL]).map((peer): Allow => {
      return { policy, destinations: setOf(peer, port), protocol: port.protocol };
    }),
  );
  return [...numbered, ...byName];
}

function rangesOf(port: PolicyPort, numbersOf: Maker["numbersOf"]): readonly PortRange[] {
  if (!isNamed(port)) return [port];
  const { protocol } = port;
  return numbersOf(port).map((number) => ({ protocol, range: [number, number] }));
}
