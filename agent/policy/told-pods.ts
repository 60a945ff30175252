/**
 * Pods whose addresses this host has given, which the API does not tell yet. A pod that the API knows has
 * these addresses besides those of its status; what is told is forgotten once the status has them, or
 * the pod or the attachment is gone.
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
  readonly #all = new Map<string, PodAttachment>();
  /** Those whose addresses the API tells as well, or whose pod has ended. */
  readonly #done = new Set<string>();
  /** Those that were new when what is written was read last. */
  #noticed: ReadonlySet<string> = new Set();
  /** Those whose ADD waits until their pod is known. */
  readonly #awaited = new Set<string>();

  constructor(policies: NetworkPolicies, files: PodFiles) {
    this.#policies = policies;
    this.#files = files;
  }

  get all(): Iterable<PodAttachment> {
    return this.#all.values();
  }

  /**
   * Takes what is written down as it is now: true if something of it is new or gone. What is new is
   * left to who is about to tell of it, and taken the second time, unless all is wanted.
   */
  read(isAll: boolean): boolean {
    const written = new Map(this.#files.list().map((each) => [keyOf(each), each]));
    const gone = [...this.#all].filter(([key]) => !written.has(key));
    const fresh = [...written].filter(([key]) => !this.#all.has(key));
    const taken = fresh.filter(([key]) => isAll || this.#noticed.has(key));
    this.#noticed = new Set(fresh.map(([key]) => key));
    for (const [, attachment] of gone) this.forget(attachment);
    for (const [, attachment] of taken) this.#take(attachment);
    return gone.length + taken.length > 0;
  }

  /** An attachment has these addresses from now on, in place of what was told of it. */
  add(attachment: PodAttachment): void {
    const before = this.#all.get(keyOf(attachment));
    if (before && JSON.stringify(before) === JSON.stringify(attachment)) return;
    if (before) this.forget(before);
    this.#files.write(attachment);
    this.#take(attachment);
  }

  /** An attachment is gone, and its addresses with it. */
  forget(owner: Owner): void {
    const attachment = this.#all.get(keyOf(owner));
    this.#files.remove(owner);
    if (!attachment) return;
    this.#all.delete(keyOf(owner));
    this.#done.delete(keyOf(owner));
    const pod = this.podOf(attachment);
    if (!pod) return;
    const rest = pod.addresses.filter((each) => !attachment.addresses.includes(each));
    this.#policies.setPod({ ...pod, addresses: rest });
  }

  /** Whether its addresses are kept from everybody; what need not be kept any more goes then. */
  setIsolated(attachment: PodAttachment, isIsolated: boolean): void {
    const key = keyOf(attachment);
    if (!isIsolated && this.#done.has(key)) {
      this.#drop(attachment);
      return;
    }
    const changed = { ...attachment, isIsolated };
    this.#all.set(key, changed);
    this.#files.write(changed);
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

  /** The pod of an attachment; undefined if the API does not know it. */
  podOf(attachment: PodAttachment): Pod | undefined {
    const pod = this.#policies.cluster.pod(attachment.namespace, attachment.name);
    return pod && isOf(attachment, pod) ? pod : undefined;
  }

  complete(pod: Pod): Pod {
    const own = this.#ofPod(pod).filter((each) => isOf(each, pod));
    if (own.length === 0) return pod;
    const isEnded = pod.absence !== undefined;
    const isTold = ({ addresses }: PodAttachment) =>
      addresses.every((each) => pod.addresses.includes(each));
    for (const each of own) if (isEnded || isTold(each)) this.#finish(each);
    if (isEnded) return pod;
    const addresses = own.flatMap((each) => each.addresses);
    return { ...pod, addresses: [...new Set([...pod.addresses, ...addresses])] };
  }

  /** What is isolated stays so until its attachment is gone as well. */
  onGone(pod: Pod): void {
    for (const each of this.#ofPod(pod)) if (isOf(each, pod)) this.#finish(each);
  }

  #ofPod({ namespace, name }: Pick<Pod, "namespace" | "name">): readonly PodAttachment[] {
    if (this.#all.size === 0) return NONE;
    return [...this.#all.values()].filter(
      (each) => each.name === name && each.namespace === namespace,
    );
  }

  #take(attachment: PodAttachment): void {
    this.#all.set(keyOf(attachment), attachment);
    const pod = this.podOf(attachment);
    if (pod) this.#policies.setPod(this.complete(pod));
  }

  #finish(attachment: PodAttachment): void {
    if (attachment.isIsolated) this.#done.add(keyOf(attachment));
    else this.#drop(attachment);
  }

  #drop(attachment: PodAttachment): void {
    this.#all.delete(keyOf(attachment));
    this.#done.delete(keyOf(attachment));
    this.#files.remove(attachment);
  }
}

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
