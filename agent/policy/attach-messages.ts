/**
 * What the plugin `policy` and the agent say to each other at attach.sock: one question and one answer
 * per connection, each a line of JSON. A question is an attachment of a pod; with "isGone" it is said
 * that it ends.
 *
 *   plugin  {"network":"cbr0","containerID":"6f2c…","ifName":"eth0","namespace":"shop","name":"db",…}
 *   agent   {"state":"enforced"}   or   {"state":"isolated","why":"…"}   or   {"state":"open","why":"…"}
 */

import { type PodAttachment, podAttachmentIn } from "../../lib/state/pod-attachments.ts";

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
