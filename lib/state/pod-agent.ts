/**
 * What the plugin `policy` and the agent say to each other at attach.sock, of pods that are attached: one question and one answer
 * per connection, each a line of JSON. A question is an attachment of a pod; with "isGone" it is said
 * that it ends.
 *
 *   plugin  {"network":"cbr0","containerID":"6f2c…","ifName":"eth0","namespace":"shop","name":"db",…}
 *   agent   {"state":"enforced"}   or   {"state":"isolated","why":"…"}   or   {"state":"open","why":"…"}
 */

import { Failure } from "../host/failure.ts";
import { askLine, isAnybodyAt, tellLine } from "../host/unix-socket.ts";
import { type PodAttachment, podAttachmentIn } from "./pod-attachments.ts";

/** What a pod's packets are judged by: its policies; nothing, and none pass; nothing, and all pass. */
export interface AttachAnswer {
  readonly state: "enforced" | "isolated" | "open";
  /** Why not by its policies, in words. */
  readonly why?: string;
}

/** The socket of a network's agent where pods are told. */
export function attachSocketOf(network: string): string {
  return `/run/weft/${network}/attach.sock`;
}

/** How long an answer is waited for in all, in milliseconds, and how long it may be in bytes. */
const WITHIN = 5_000;
const LONGEST_ANSWER = 8 << 10;

/** What the agent of a network answers to a new attachment, or why nobody can be asked, in words. */
export function askPodAgent(agent: string, attachment: PodAttachment): AttachAnswer | string {
  const path = attachSocketOf(agent);
  const line = JSON.stringify(attachment);
  try {
    const text = askLine({ path, line, within: WITHIN, longest: LONGEST_ANSWER });
    if (text === undefined) return noAgent(agent);
    return parseAttachAnswer(text) ?? `what answers at "${path}" is no agent`;
  } catch (cause) {
    if (cause instanceof Failure) return cause.message;
    throw cause;
  }
}

/** Tells the agent that an attachment has ended, and waits for nothing. */
export function tellPodGone(agent: string, attachment: PodAttachment): void {
  tellLine(attachSocketOf(agent), JSON.stringify({ ...attachment, isGone: true }));
}

/** Why pods cannot be told now, in words; undefined if an agent listens. */
export function findPodAgentFault(agent: string): string | undefined {
  return isAnybodyAt(attachSocketOf(agent)) ? undefined : noAgent(agent);
}

function noAgent(agent: string): string {
  return `no agent of network "${agent}" runs with --network-policy=enforce`;
}

function parseAttachAnswer(line: string): AttachAnswer | undefined {
  const { state, why } = objectIn(line) ?? {};
  if (state !== "enforced" && state !== "isolated" && state !== "open") return undefined;
  return { state, ...(typeof why === "string" ? { why } : {}) };
}

/** An attachment that is new, or has ended. */
export interface AttachQuestion {
  readonly attachment: PodAttachment;
  readonly isGone: boolean;
}

/** A question from a line; undefined if it is none. */
export function parseAttachQuestion(line: string): AttachQuestion | undefined {
  const json = objectIn(line);
  const attachment = podAttachmentIn(json);
  return attachment && { attachment, isGone: json?.isGone === true };
}

function objectIn(line: string): { readonly [key: string]: unknown } | undefined {
  try {
    const json: unknown = JSON.parse(line);
    return typeof json === "object" && json !== null ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}
