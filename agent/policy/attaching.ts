/** Answering who attaches pods: once the rules of a pod are there, or it is not known in time. */

import type { Cancel, Clock } from "../../lib/host/clock.ts";
import type { Owner } from "../../lib/net/owner.ts";
import { type AttachAnswer, parseAttachQuestion } from "../../lib/state/pod-agent.ts";
import type { PodAttachment } from "../../lib/state/pod-attachments.ts";
import type { Tell } from "../events.ts";
import type { Enforcer } from "./enforcer.ts";
import type { Followed } from "./followed.ts";
import { podInWords, type ToldPods } from "./told-pods.ts";

/**
 * How long a pod is waited for, in milliseconds: whoever asks waits for 5 s, and is to have an answer
 * by then.
 */
export const PATIENCE = 4_500;

/** What it is made of. */
export interface AttachingParts {
  readonly enforcer: Enforcer;
  readonly followed: Followed;
  readonly told: ToldPods;
  readonly clock: Clock;
  readonly tell: Tell;
}

/** Who waits for an answer. */
interface Waiting {
  readonly attachment: PodAttachment;
  readonly answer: (answer: AttachAnswer) => void;
  readonly cancel: Cancel;
}

/** Takes attachments of pods, and answers what they are judged by. */
export class Attaching {
  readonly #parts: AttachingParts;
  readonly #waiting = new Set<Waiting>();

  constructor(parts: AttachingParts) {
    this.#parts = parts;
  }

  /** A question from a line, whose answer may come later; returns what to do if nobody waits for it. */
  serve(line: string, answer: (line: string) => void): () => void {
    const { told, enforcer, clock } = this.#parts;
    const question = parseAttachQuestion(line);
    const say = (given: AttachAnswer) => answer(JSON.stringify(given));
    if (!question) {
      answer(JSON.stringify({ error: "it is no attachment of a pod" }));
      return () => undefined;
    }
    const { attachment, isGone } = question;
    enforcer.changed();
    if (isGone) {
      told.forget(attachment);
      say({ state: "open" });
      return () => undefined;
    }
    told.add(attachment);
    told.await(attachment, true);
    const cancel = clock.after(PATIENCE, () => this.#giveUp(waiting));
    const waiting: Waiting = { attachment, answer: say, cancel };
    this.#waiting.add(waiting);
    return () => this.#forget(waiting);
  }

  /** Called after each turn of the loop: answers those whose rules are there. */
  turn(): void {
    const { told, enforcer } = this.#parts;
    if (this.#waiting.size === 0 || !enforcer.isEnforced) return;
    for (const waiting of [...this.#waiting]) {
      if (told.podOf(waiting.attachment)) this.#answer(waiting, { state: "enforced" });
    }
  }

  #giveUp(waiting: Waiting): void {
    const { told, enforcer, tell } = this.#parts;
    const { attachment } = waiting;
    const state = this.#isOpen(attachment) ? "open" : "isolated";
    const why = this.#why(attachment);
    told.await(attachment, false);
    enforcer.changed();
    enforcer.turn();
    const known = told.get(attachment);
    const isFreed = state === "open" && known?.isIsolated;
    if (isFreed) told.setIsolated(known, false);
    const which = `${podInWords(attachment)} (${attachment.addresses.join(", ")})`;
    if (isFreed || state === "isolated") tell(isFreed ? "released" : state, `${which}: ${why}`);
    this.#answer(waiting, { state, why });
  }

  /** Where nothing is known of the cluster, or the kernel refuses, it may have policies. */
  #isOpen(attachment: PodAttachment): boolean {
    const { told, enforcer, followed } = this.#parts;
    if (told.podOf(attachment)) return false;
    if (attachment.whenUnknown !== undefined) return attachment.whenUnknown === "allow";
    return followed.isKnown && !enforcer.hasPolicies(attachment);
  }

  /** Why its rules are not there, in words. */
  #why(attachment: PodAttachment): string {
    const { followed, enforcer, told } = this.#parts;
    if (!followed.isKnown) {
      const state = followed.problems.join("; ") || "its lists have not come yet";
      return `nothing is known of the cluster: ${state}`;
    }
    const unknown = `the cluster does not know it ${PATIENCE / 1000} s after its start`;
    return told.podOf(attachment) ? (enforcer.problem ?? "its rules are not there yet") : unknown;
  }

  #answer(waiting: Waiting, answer: AttachAnswer): void {
    this.#forget(waiting);
    waiting.answer(answer);
  }

  /** Another one may wait for the same attachment by now. */
  #forget(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    waiting.cancel();
    const { told } = this.#parts;
    const isOther = [...this.#waiting].some(({ attachment }) => isSame(attachment, waiting));
    if (!isOther) told.await(waiting.attachment, false);
  }
}

function isSame({ network, containerID, ifName }: Owner, { attachment }: Waiting): boolean {
  const { network: of, containerID: container, ifName: name } = attachment;
  return network === of && containerID === container && ifName === name;
}
