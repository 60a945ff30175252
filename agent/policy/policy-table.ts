/** Policies by their names, and those that choose a pod. */

import { LabelIndex } from "./label-index.ts";
import type { Pod } from "./objects.ts";
import { fullName, type Policy } from "./policy.ts";
import { selects } from "./selector.ts";

interface InNamespace {
  readonly policies: Set<Policy>;
  readonly bySelector: LabelIndex<Policy>;
}

/** All policies of a cluster. */
export class PolicyTable {
  readonly #policies = new Map<string, Policy>();
  readonly #namespaces = new Map<string, InNamespace>();

  get all(): Iterable<Policy> {
    return this.#policies.values();
  }

  get size(): number {
    return this.#policies.size;
  }

  /** A policy by its full name. */
  get(name: string): Policy | undefined {
    return this.#policies.get(name);
  }

  set(policy: Policy): void {
    this.delete(policy.namespace, policy.name);
    this.#policies.set(fullName(policy), policy);
    const known = this.#namespaces.get(policy.namespace);
    const there = known ?? { policies: new Set(), bySelector: new LabelIndex() };
    there.policies.add(policy);
    there.bySelector.add(policy.pods, policy);
    this.#namespaces.set(policy.namespace, there);
  }

  /** False if there is none. */
  delete(namespace: string, name: string): boolean {
    const policy = this.#policies.get(fullName({ namespace, name }));
    const there = this.#namespaces.get(namespace);
    if (!policy || !there) return false;
    this.#policies.delete(fullName(policy));
    there.policies.delete(policy);
    there.bySelector.delete(policy.pods, policy);
    if (there.policies.size === 0) this.#namespaces.delete(namespace);
    return true;
  }

  inNamespace(namespace: string): readonly Policy[] {
    return [...(this.#namespaces.get(namespace)?.policies ?? [])];
  }

  /** The policies whose podSelector chooses a pod. */
  choosing({ namespace, labels, absence }: Pod): readonly Policy[] {
    const found: Policy[] = [];
    if (absence !== undefined) return found;
    this.#namespaces.get(namespace)?.bySelector.candidates(labels, (policy) => {
      if (selects(policy.pods, labels)) found.push(policy);
    });
    return found;
  }
}
