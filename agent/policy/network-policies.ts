/**
 * What network policies mean for the pods of one host, kept up to date: objects come in, in any order,
 * and changes of the ruleset come out. A change of a pod costs what depends on it: the sets that it may
 * be in, by its labels, and its own chains.
 */

import type {
  Chain,
  JudgedAddress,
  KnownRuleset,
  Ruleset,
  RulesetChanges,
} from "../../lib/filter/ruleset.ts";
import { parseAddress } from "../../lib/ip/address.ts";
import { closed, type Made, makeChain, type Recipe, recipeFor } from "./chains.ts";
import { Cluster } from "./cluster.ts";
import type { Namespace, Pod } from "./objects.ts";
import { PeerSets } from "./peer-sets.ts";
import { type Direction, fullName, type Policy } from "./policy.ts";
import { PolicyTable } from "./policy-table.ts";

/** A chain in use. */
interface Used {
  readonly recipe: Recipe;
  made: Made;
  /** How many directions of addresses it judges. */
  users: number;
}

type Recipes = { readonly [direction in Direction]: Recipe | undefined };

/** The policies of a cluster, for one of its hosts. */
export class NetworkPolicies implements KnownRuleset {
  readonly cluster = new Cluster();
  readonly policies = new PolicyTable();
  readonly #node: string;
  readonly #sets = new PeerSets(this.cluster);
  readonly #chains = new Map<string, Used>();
  readonly #addresses = new Map<string, Recipes>();
  /** Addresses that are to be judged anew, and policies that have other rules. */
  readonly #stale = new Set<string>();
  readonly #changed = new Set<string>();
  #chainChanges = new Map<string, Chain | undefined>();

  /** The name of this host's Node. */
  constructor(node: string) {
    this.#node = node;
  }

  /** A pod is new or has changed. */
  setPod(pod: Pod): void {
    const before = this.cluster.pod(pod.namespace, pod.name);
    if (before && JSON.stringify(before) === JSON.stringify(pod)) return;
    const addresses = new Set([...(before?.addresses ?? []), ...pod.addresses]);
    this.#sets.around(addresses, () => this.cluster.set(pod));
    this.#markStale(addresses, before, pod);
  }

  deletePod(namespace: string, name: string): void {
    const before = this.cluster.pod(namespace, name);
    if (!before) return;
    this.#sets.around(before.addresses, () => this.cluster.delete(namespace, name));
    this.#markStale(before.addresses, before);
  }

  setNamespace(namespace: Namespace): void {
    const { name, labels } = namespace;
    const before = this.cluster.labelsOf(name);
    if (before && JSON.stringify(before) === JSON.stringify(labels)) return;
    this.#sets.aroundNamespace(name, () => this.cluster.setNamespace(namespace));
  }

  deleteNamespace(name: string): void {
    if (!this.cluster.labelsOf(name)) return;
    this.#sets.aroundNamespace(name, () => this.cluster.deleteNamespace(name));
  }

  setPolicy(policy: Policy): void {
    this.policies.set(policy);
    this.#changePolicy(policy);
  }

  deletePolicy(namespace: string, name: string): void {
    if (this.policies.delete(namespace, name)) this.#changePolicy({ namespace, name });
  }

  /** What has changed since this was asked last. */
  takeChanges(): RulesetChanges {
    const addresses = new Map<string, JudgedAddress | undefined>();
    for (const address of this.#stale) this.#judgeAnew(address, addresses);
    this.#stale.clear();
    this.#remakeChains();
    this.#dropChains();
    const chains = this.#chainChanges;
    this.#chainChanges = new Map();
    return { sets: this.#sets.takeChanges(), chains, addresses };
  }

  /** All of it, once its changes are taken. */
  ruleset(): Ruleset {
    const chains = [...this.#chains].map(([name, { made }]) => [name, made.chain] as const);
    const addresses = [...this.#addresses].map(
      ([address, recipes]) => [address, judged(address, recipes)] as const,
    );
    return { sets: this.#sets.all(), chains: new Map(chains), addresses: new Map(addresses) };
  }

  /** The addresses of this host's pods that are isolated in a direction, as texts. */
  get isolatedAddresses(): Iterable<string> {
    return this.#addresses.keys();
  }

  addressAt(text: string): JudgedAddress | undefined {
    const recipes = this.#addresses.get(text);
    return recipes && judged(text, recipes);
  }

  chainNamed(name: string): Chain | undefined {
    return this.#chains.get(name)?.made.chain;
  }

  *addressesBy(chains: ReadonlySet<string>): Iterable<string> {
    for (const [address, { ingress, egress }] of this.#addresses) {
      if ([ingress, egress].some((recipe) => recipe && chains.has(recipe.name))) yield address;
    }
  }

  isIn(set: string, address: string, port: number | undefined): boolean {
    return this.#sets.isIn(set, address, port);
  }

  isLocal({ node }: Pod): boolean {
    return node === this.#node;
  }

  #markStale(addresses: Iterable<string>, ...pods: readonly (Pod | undefined)[]): void {
    if (!pods.some((pod) => pod && this.isLocal(pod))) return;
    for (const address of addresses) this.#stale.add(address);
  }

  #changePolicy(policy: { readonly namespace: string; readonly name: string }): void {
    this.#changed.add(fullName(policy));
    for (const pod of this.cluster.podsIn(policy.namespace)) this.#markStale(pod.addresses, pod);
  }

  #judgeAnew(address: string, changes: Map<string, JudgedAddress | undefined>): void {
    const before = this.#addresses.get(address);
    const pods = this.cluster.podsAt(address).filter((pod) => this.isLocal(pod));
    const now = { ingress: this.#recipe(pods, "ingress"), egress: this.#recipe(pods, "egress") };
    const isSame = (which: Direction) => before?.[which]?.name === now[which]?.name;
    if (isSame("ingress") && isSame("egress")) return;
    for (const recipe of [now.ingress, now.egress]) if (recipe) this.#use(recipe);
    for (const recipe of [before?.ingress, before?.egress]) if (recipe) this.#release(recipe);
    if (now.ingress || now.egress) this.#addresses.set(address, now);
    else this.#addresses.delete(address);
    changes.set(address, this.#addresses.has(address) ? judged(address, now) : undefined);
  }

  /** What each pod at an address allows is allowed; where that is not the same, nothing is. */
  #recipe(pods: readonly Pod[], direction: Direction): Recipe | undefined {
    const all = new Map<string, Recipe>();
    for (const pod of pods) {
      const recipe = this.#recipeOfPod(pod, direction);
      if (recipe) all.set(recipe.name, recipe);
    }
    return all.size > 1 ? closed(direction) : all.values().next().value;
  }

  #recipeOfPod(pod: Pod, direction: Direction): Recipe | undefined {
    if (pod.fault !== undefined) {
      const isAny = this.policies.inNamespace(pod.namespace).some((each) => each[direction]);
      return isAny ? closed(direction) : undefined;
    }
    const policies = this.policies.choosing(pod).filter((each) => each[direction]);
    return policies.length === 0 ? undefined : recipeFor(pod, direction, policies);
  }

  #use(recipe: Recipe): void {
    const known = this.#chains.get(recipe.name);
    if (known) known.users++;
    else {
      const made = this.#make(recipe);
      this.#chains.set(recipe.name, { recipe, made, users: 1 });
      for (const set of made.sets) this.#sets.use(set);
      this.#chainChanges.set(recipe.name, made.chain);
    }
  }

  #release({ name }: Recipe): void {
    const used = this.#chains.get(name);
    if (used) used.users--;
  }

  #make(recipe: Recipe): Made {
    return makeChain(
      recipe,
      recipe.policies.flatMap((name) => this.policies.get(name) ?? []),
    );
  }

  #remakeChains(): void {
    if (this.#changed.size === 0) return;
    for (const [name, used] of this.#chains) {
      const isConcerned = used.recipe.policies.some((policy) => this.#changed.has(policy));
      if (used.users === 0 || !isConcerned || this.#chainChanges.has(name)) continue;
      const made = this.#make(used.recipe);
      if (JSON.stringify(made.chain) === JSON.stringify(used.made.chain)) continue;
      for (const set of made.sets) this.#sets.use(set);
      for (const set of used.made.sets) this.#sets.release(set);
      used.made = made;
      this.#chainChanges.set(name, made.chain);
    }
    this.#changed.clear();
  }

  #dropChains(): void {
    for (const [name, { users, made }] of this.#chains) {
      if (users > 0) continue;
      this.#chains.delete(name);
      for (const set of made.sets) this.#sets.release(set);
      this.#chainChanges.set(name, undefined);
    }
  }
}

function judged(address: string, { ingress, egress }: Recipes): JudgedAddress {
  const bytes = parseAddress(address);
  if (!bytes) throw new Error(`"${address}" is no address`);
  return { address: bytes, ingress: ingress?.name, egress: egress?.name };
}
