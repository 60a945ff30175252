/** Network policies as a cluster tells of them, object by object. */

import { isObject, type JsonObject } from "../../lib/overlay/contract/host.ts";
import type { PolicyKind, PolicyObjectsEvents } from "../../lib/store/kubernetes/policy-objects.ts";
import type { Tell } from "../events.ts";
import { knownObjects, nameOf, takeObject } from "./known-objects.ts";
import type { NetworkPolicies } from "./network-policies.ts";
import type { Pod } from "./objects.ts";
import { fullName } from "./policy.ts";
import { faultIn } from "./unreadable.ts";

const KINDS: readonly PolicyKind[] = ["NetworkPolicy", "Namespace", "Pod"];

/** What else is to be known of pods. */
export interface PodWatcher {
  /** A pod with all addresses that it has. */
  complete(pod: Pod): Pod;
  /** A pod that was known is deleted. */
  onGone(pod: Pod): void;
}

const NOBODY: PodWatcher = { complete: (pod) => pod, onGone: () => undefined };

/** Keeps network policies as the cluster has them, and tells what is wrong with objects. */
export class Followed implements PolicyObjectsEvents {
  readonly #policies: NetworkPolicies;
  readonly #tell: Tell;
  readonly #pods: PodWatcher;
  readonly #versions = new Map<PolicyKind, string>();
  /** How often something was told. */
  #count = 0;
  /** Kinds of which a list has been whole. */
  readonly #known = new Set<PolicyKind>();
  /** What a list that is coming has of each kind. */
  readonly #listed = new Map<PolicyKind, Set<string>>();
  /** What is wrong with objects, by their names, and what keeps a kind from being known. */
  readonly #faults = new Map<string, string>();
  readonly #problems = new Map<PolicyKind, string>();

  constructor(policies: NetworkPolicies, tell: Tell, pods: PodWatcher = NOBODY) {
    this.#policies = policies;
    this.#tell = tell;
    this.#pods = pods;
  }

  /** Another number than before if something was told since. */
  get moment(): number {
    return this.#count;
  }

  /** The newest version of an object that was told, by kind. */
  get versions(): { readonly [kind in PolicyKind]?: string } {
    return Object.fromEntries(this.#versions);
  }

  /** What is wrong with objects, in sentences. */
  get faults(): readonly string[] {
    return Array.from(this.#faults, ([name, fault]) => `Cannot use ${name}: ${fault}`);
  }

  /** What keeps kinds from being known, in sentences. */
  get problems(): readonly string[] {
    return [...this.#problems.values()];
  }

  /** True once all kinds are known; before that nothing can be said of a pod. */
  get isKnown(): boolean {
    return this.#known.size === KINDS.length;
  }

  /** All that is known as a List, or a Status that says why nothing is. */
  get answer(): JsonObject {
    if (this.isKnown) return knownObjects(this.#policies);
    const problems = [...this.#problems.values()].join("; ");
    const message = problems === "" ? "the lists of the cluster have not come yet" : problems;
    return { kind: "Status", message };
  }

  onListBegin(kind: PolicyKind): void {
    this.#listed.set(kind, new Set());
  }

  onListEnd(kind: PolicyKind): void {
    const listed = this.#listed.get(kind) ?? new Set();
    this.#listed.delete(kind);
    for (const name of [...this.#namesOf(kind)]) {
      if (!listed.has(name)) this.#remove(kind, name);
    }
    this.#known.add(kind);
    this.#count++;
  }

  onObject(kind: PolicyKind, json: JsonObject, isGone: boolean): void {
    this.#count++;
    this.#noteVersion(kind, json);
    const name = keyOf(json);
    if (isGone) {
      this.#remove(kind, name);
      return;
    }
    this.#listed.get(kind)?.add(name);
    const object = { ...json, kind };
    this.#setFault(
      nameOf(object),
      faultIn(() => takeObject(this.#policies, object, (pod) => this.#pods.complete(pod))),
    );
  }

  onProblem(kind: PolicyKind, problem: string | undefined): void {
    const before = this.#problems.get(kind);
    if (before === problem) return;
    if (problem === undefined) this.#problems.delete(kind);
    else this.#problems.set(kind, problem);
    if (problem !== undefined) this.#tell("store", problem);
    else this.#tell("recovered", before ?? "");
  }

  #noteVersion(kind: PolicyKind, { metadata }: JsonObject): void {
    const { resourceVersion } = isObject(metadata) ? metadata : ({} as JsonObject);
    const known = this.#versions.get(kind) ?? "0";
    if (typeof resourceVersion === "string" && Number(resourceVersion) > Number(known)) {
      this.#versions.set(kind, resourceVersion);
    }
  }

  #setFault(name: string, fault: string | undefined): void {
    if (this.#faults.get(name) === fault) return;
    if (fault === undefined) this.#faults.delete(name);
    else {
      this.#faults.set(name, fault);
      this.#tell("ignored", `Cannot use ${name}: ${fault}`);
    }
  }

  #namesOf(kind: PolicyKind): Iterable<string> {
    const { cluster, policies } = this.#policies;
    if (kind === "Namespace") return cluster.namespaces;
    return Array.from(kind === "Pod" ? cluster.pods : policies.all, fullName);
  }

  #remove(kind: PolicyKind, name: string): void {
    this.#faults.delete(`${kind} ${name}`);
    if (kind === "Namespace") {
      this.#policies.deleteNamespace(name);
      return;
    }
    const at = name.indexOf("/");
    const [namespace, own] = [name.slice(0, at), name.slice(at + 1)];
    if (kind === "Pod") {
      const pod = this.#policies.cluster.pod(namespace, own);
      this.#policies.deletePod(namespace, own);
      if (pod) this.#pods.onGone(pod);
    } else this.#policies.deletePolicy(namespace, own);
  }
}

/** In Protocol Buffers what has no namespace has an empty one. */
function keyOf({ metadata }: JsonObject): string {
  const { namespace, name } = isObject(metadata) ? metadata : ({} as JsonObject);
  const own = typeof name === "string" ? name : "";
  const isWithin = typeof namespace === "string" && namespace !== "";
  return isWithin ? fullName({ namespace, name: own }) : own;
}
