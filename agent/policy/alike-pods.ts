/** Pods that selectors cannot tell apart, and which of them a selector may choose. */

import type { Pod } from "./objects.ts";
import type { PodChoice } from "./policy.ts";
import { type Labels, type Selector, selects } from "./selector.ts";

/** Pods of one namespace with the same labels: a selector chooses all of them or none. */
export interface Alike {
  readonly namespace: string;
  readonly labels: Labels;
  readonly pods: Set<Pod>;
}

/** All pods of a cluster, by what selectors ask for. */
export class AlikePods {
  readonly #all = new Map<string, Alike>();
  readonly #byNamespace = new Map<string, Set<Alike>>();
  readonly #byValue = new Map<string, Set<Alike>>();

  /** A pod's labels, as those like it have them: they are in memory once. */
  labelsFor({ namespace, labels }: Pod): Labels {
    return this.#all.get(keyOf(namespace, labels))?.labels ?? labels;
  }

  add(pod: Pod): void {
    const { namespace, labels } = pod;
    const known = this.#all.get(keyOf(namespace, labels));
    if (known) known.pods.add(pod);
    else this.#begin({ namespace, labels, pods: new Set([pod]) });
  }

  delete(pod: Pod): void {
    const alike = this.#all.get(keyOf(pod.namespace, pod.labels));
    if (!alike?.pods.delete(pod) || alike.pods.size > 0) return;
    this.#all.delete(keyOf(alike.namespace, alike.labels));
    remove(this.#byNamespace, alike.namespace, alike);
    for (const value of valuesOf(alike.labels)) remove(this.#byValue, value, alike);
  }

  /** Those in a namespace. */
  in(namespace: string): Iterable<Alike> {
    return this.#byNamespace.get(namespace) ?? [];
  }

  /** Those that a peer of a rule chooses; `isIn` says whether it chooses a namespace. */
  *chosenBy(choice: PodChoice, isIn: (namespace: string) => boolean): Iterable<Alike> {
    for (const alike of this.#candidates(choice, isIn)) {
      if (isIn(alike.namespace) && selects(choice.pods, alike.labels)) yield alike;
    }
  }

  /** By a label that it asks for if it does, else by its namespaces. */
  *#candidates(choice: PodChoice, isIn: (namespace: string) => boolean): Iterable<Alike> {
    const { namespace, pods } = choice;
    const inNamespace = namespace === undefined ? undefined : this.#byNamespace.get(namespace);
    if (namespace !== undefined && !inNamespace) return;
    const byValue = this.#withValues(pods);
    const count = byValue?.reduce((sum, { size }) => sum + size, 0) ?? Number.POSITIVE_INFINITY;
    if (byValue && count <= (inNamespace?.size ?? count)) for (const all of byValue) yield* all;
    else if (inNamespace) yield* inNamespace;
    else for (const [name, all] of this.#byNamespace) if (isIn(name)) yield* all;
  }

  #withValues({ requirements }: Selector): readonly ReadonlySet<Alike>[] | undefined {
    const asking = requirements.find(({ operator }) => operator === "In");
    return asking?.values.flatMap((value) => this.#byValue.get(textOf(asking.label, value)) ?? []);
  }

  #begin(alike: Alike): void {
    this.#all.set(keyOf(alike.namespace, alike.labels), alike);
    insert(this.#byNamespace, alike.namespace, alike);
    for (const value of valuesOf(alike.labels)) insert(this.#byValue, value, alike);
  }
}

function keyOf(namespace: string, labels: Labels): string {
  return `${namespace} ${JSON.stringify(labels)}`;
}

function valuesOf(labels: Labels): readonly string[] {
  return Object.keys(labels).map((label) => textOf(label, labels[label] ?? ""));
}

function textOf(label: string, value: string): string {
  return `${label}=${value}`;
}

function insert(index: Map<string, Set<Alike>>, key: string, alike: Alike): void {
  const there = index.get(key);
  if (there) there.add(alike);
  else index.set(key, new Set([alike]));
}

function remove(index: Map<string, Set<Alike>>, key: string, alike: Alike): void {
  const there = index.get(key);
  there?.delete(alike);
  if (there?.size === 0) index.delete(key);
}
