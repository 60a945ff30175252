/** What is known of a cluster: pods, and whose an address is; namespaces and their labels. */

import { type IpAddress, parseAddress } from "../../lib/ip/address.ts";
import { AlikePods } from "./alike-pods.ts";
import type { Namespace, Pod } from "./objects.ts";
import { fullName } from "./policy.ts";
import type { Labels } from "./selector.ts";

/** The pods that say an address is theirs: more than one until the API knows better. */
interface Holders {
  readonly bytes: IpAddress;
  readonly pods: readonly Pod[];
}

const NOBODY: readonly Pod[] = [];

/** Pods and namespaces by their names. */
export class Cluster {
  /** By what selectors tell of them. */
  readonly alike = new AlikePods();
  readonly #pods = new Map<string, Pod>();
  readonly #byAddress = new Map<string, Holders>();
  readonly #contested = new Set<string>();
  readonly #namespaces = new Map<string, Labels>();

  get pods(): Iterable<Pod> {
    return this.#pods.values();
  }

  /** How many pods there are. */
  get size(): number {
    return this.#pods.size;
  }

  get namespaces(): Iterable<string> {
    return this.#namespaces.keys();
  }

  /** Addresses that more than one pod has. */
  get contested(): Iterable<string> {
    return this.#contested;
  }

  /** Those of them that a pod of a namespace has. */
  *contestedIn(namespace: string): Iterable<string> {
    for (const address of this.#contested) {
      if (this.podsAt(address).some((pod) => pod.namespace === namespace)) yield address;
    }
  }

  pod(namespace: string, name: string): Pod | undefined {
    return this.#pods.get(fullName({ namespace, name }));
  }

  *podsIn(namespace: string): Iterable<Pod> {
    for (const { pods } of this.alike.in(namespace)) yield* pods;
  }

  podsAt(address: string): readonly Pod[] {
    return this.#byAddress.get(address)?.pods ?? NOBODY;
  }

  /** An address that some pod has, by its text. */
  bytesOf(address: string): IpAddress {
    const known = this.#byAddress.get(address)?.bytes ?? parseAddress(address);
    if (!known) throw new Error(`"${address}" is no address`);
    return known;
  }

  /** The labels of a namespace; undefined: it is not known. */
  labelsOf(namespace: string): Labels | undefined {
    return this.#namespaces.get(namespace);
  }

  set(told: Pod): void {
    this.delete(told.namespace, told.name);
    const pod = { ...told, labels: this.alike.labelsFor(told) };
    this.#pods.set(fullName(pod), pod);
    this.alike.add(pod);
    for (const address of pod.addresses) this.#claim(address, [...this.podsAt(address), pod]);
  }

  delete(namespace: string, name: string): void {
    const pod = this.pod(namespace, name);
    if (!pod) return;
    this.#pods.delete(fullName(pod));
    this.alike.delete(pod);
    for (const address of pod.addresses) {
      const others = this.podsAt(address).filter((each) => each !== pod);
      this.#claim(address, others);
    }
  }

  setNamespace({ name, labels }: Namespace): void {
    this.#namespaces.set(name, labels);
  }

  deleteNamespace(name: string): void {
    this.#namespaces.delete(name);
  }

  #claim(address: string, pods: readonly Pod[]): void {
    if (pods.length === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, { bytes: this.bytesOf(address), pods });
    if (pods.length > 1) this.#contested.add(address);
    else this.#contested.delete(address);
  }
}
