/**
 * Pods whose addresses this host has given. A pod that the API knows has these addresses besides those of
 * its status. An attachment is settled once the status has them, and in question again when the pod has ended
 * or is deleted: its containers may run until the attachment is gone as well.
 */

import type { Owner } from "../../lib/net/owner.ts";
import type { PodAttachment } from "../../lib/state/pod-attachments.ts";
import type { PodWatcher } from "./followed.ts";
import type { NetworkPolicies } from "./network-policies.ts";
import type { Pod } from "./objects.ts";
import { fullName } from "./policy.ts";

/** Where they are written down. */
export interface PodFiles {
  list(): readonly PodAttachment[];
  write(attachment: PodAttachment): void;
  remove(owner: Owner): void;
}

/** Attachments of pods, and the pods that the API knows by them. */
export class ToldPods implements PodWatcher {
  readonly #policies: NetworkPolicies;
  readonly #files: PodFiles;
  /** Those in question. */
  readonly #all = new Map<string, PodAttachment>();
  /** Of these, those whose addresses the API tells as well: they are settled once they are not isolated. */
  readonly #done = new Set<string>();
  /** The others, by the names of their pods. */
  readonly #settled = new Map<string, ReadonlyMap<string, PodAttachment>>();
  /** Those that were new when what is written was read last. */
  #noticed: ReadonlySet<string> = new Set();
  /** Those whose ADD waits until their pod is known. */
  readonly #awaited = new Set<string>();

  constructor(policies: NetworkPolicies, files: PodFiles) {
    this.#policies = policies;
    this.#files = files;
  }

  /** Those in question: the API does not know the pod, or not its addresses, or does so no longer. */
  get all(): Iterable<PodAttachment> {
    return this.#all.values();
  }

  /**
   * Takes what is written down as it is now: true if something of it is new or gone. What is new is
   * left to who is about to tell of it, and taken the second time, unless all is wanted.
   */
  read(isAll: boolean): boolean {
    const written = new Map(this.#files.list().map((each) => [keyOf(each), each]));
    const known = new Map([...this.#all, ...[...this.#settled.values()].flatMap((of) => [...of])]);
    const gone = [...known].filter(([key]) => !written.has(key));
    const fresh = [...written].filter(([key]) => !known.has(key));
    const taken = fresh.filter(([key]) => isAll || this.#noticed.has(key));
    this.#noticed = new Set(fresh.map(([key]) => key));
    for (const [, attachment] of gone) this.forget(attachment);
    for (const [, attachment] of taken) this.#take(attachment);
    return gone.length + taken.length > 0;
  }

  /** An attachment has these addresses from now on, in place of what was told of it. */
  add(attachment: PodAttachment): void {
    const before = this.#all.get(keyOf(attachment)) ?? this.#settledLike(attachment);
    if (before && JSON.stringify(before) === JSON.stringify(attachment)) return;
    if (before) this.forget(before);
    this.#files.write(attachment);
    this.#take(attachment);
  }

  /** An attachment is gone, and its addresses with it. */
  forget(attachment: PodAttachment): void {
    const key = keyOf(attachment);
    const known = this.#all.get(key) ?? this.#settledLike(attachment);
    this.#files.remove(attachment);
    if (!known) return;
    this.#all.delete(key);
    this.#done.delete(key);
    this.#unsettle(known);
    const pod = this.podOf(known);
    if (!pod) return;
    const rest = pod.addresses.filter((each) => !known.addresses.includes(each));
    this.#policies.setPod({ ...pod, addresses: rest });
  }

  /** Whether its addresses are kept from everybody. */
  setIsolated(attachment: PodAttachment, isIsolated: boolean): void {
    const key = keyOf(attachment);
    const changed = { ...attachment, isIsolated };
    this.#files.write(changed);
    if (!isIsolated && this.#done.has(key)) this.#settle(changed);
    else this.#all.set(key, changed);
  }

  /** Whether somebody waits until the pod of an attachment is known: until then it is isolated. */
  await(attachment: PodAttachment, isAwaited: boolean): void {
    if (isAwaited) this.#awaited.add(keyOf(attachment));
    else this.#awaited.delete(keyOf(attachment));
  }

  isAwaited(attachment: PodAttachment): boolean {
    return this.#awaited.has(keyOf(attachment));
  }

  /** What is known of an attachment now. */
  get(owner: Owner): PodAttachment | undefined {
    return this.#all.get(keyOf(owner));
  }

  /** The pod of an attachment; undefined if the API does not know it, or says that it has ended. */
  podOf(attachment: PodAttachment): Pod | undefined {
    const pod = this.#policies.cluster.pod(attachment.namespace, attachment.name);
    return pod && pod.absence === undefined && isOf(attachment, pod) ? pod : undefined;
  }

  complete(pod: Pod): Pod {
    const isAnother = (each: PodAttachment) => pod.absence !== undefined || !isOf(each, pod);
    for (const each of this.#settledOf(pod)) if (isAnother(each)) this.#question(each);
    const own = this.#ofPod(pod).filter((each) => isOf(each, pod));
    if (own.length === 0 || pod.absence !== undefined) return pod;
    for (const each of own) {
      const isTold = each.addresses.every((address) => pod.addresses.includes(address));
      if (isTold && each.isIsolated) this.#done.add(keyOf(each));
      else if (isTold) this.#settle(each);
    }
    const addresses = own.flatMap((each) => each.addresses);
    return { ...pod, addresses: [...new Set([...pod.addresses, ...addresses])] };
  }

  onGone(pod: Pod): void {
    for (const each of this.#settledOf(pod)) this.#question(each);
  }

  #ofPod({ namespace, name }: Named): readonly PodAttachment[] {
    if (this.#all.size === 0) return NONE;
    return [...this.#all.values()].filter(
      (each) => each.name === name && each.namespace === namespace,
    );
  }

  #settledOf(pod: Named): readonly PodAttachment[] {
    const known = this.#settled.get(fullName(pod));
    return known ? [...known.values()] : NONE;
  }

  #settledLike(attachment: PodAttachment): PodAttachment | undefined {
    return this.#settled.get(fullName(attachment))?.get(keyOf(attachment));
  }

  #take(attachment: PodAttachment): void {
    this.#all.set(keyOf(attachment), attachment);
    const pod = this.podOf(attachment);
    if (pod) this.#policies.setPod(this.complete(pod));
  }

  #settle(attachment: PodAttachment): void {
    const key = keyOf(attachment);
    this.#all.delete(key);
    this.#done.delete(key);
    const others = this.#settled.get(fullName(attachment)) ?? [];
    this.#settled.set(fullName(attachment), new Map([...others, [key, attachment]]));
  }

  #unsettle(attachment: PodAttachment): void {
    const name = fullName(attachment);
    const others = new Map(this.#settled.get(name) ?? []);
    others.delete(keyOf(attachment));
    if (others.size > 0) this.#settled.set(name, others);
    else this.#settled.delete(name);
  }

  #question(attachment: PodAttachment): void {
    this.#unsettle(attachment);
    this.#all.set(keyOf(attachment), attachment);
  }
}

type Named = Pick<Pod, "namespace" | "name">;

const NONE: readonly PodAttachment[] = [];

function keyOf({ network, containerID, ifName }: Owner): string {
  return `${network}/${containerID}/${ifName}`;
}

/** The uid of a pod by a file of the kubelet is another one than the API's, and looks like none. */
const UID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** A pod that was made anew under its name has another uid. */
function isOf(attachment: PodAttachment, pod: Pod): boolean {
  const isOther = pod.uid !== "" && pod.uid !== attachment.uid;
  return !(isOther && UID.test(attachment.uid));
}

/** The pod of an attachment, in words. */
export function podInWords(attachment: PodAttachment): string {
  return `pod ${fullName(attachment)}`;
}
