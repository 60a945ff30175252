/**
 * Pods that an agent judges: told to it, and isolated until it has their rules.
 *
 *   record ─▶ isolate ─▶ ask ─▶ "enforced": the agent has let it free
 *                          ├─▶ "isolated": it stays so until the agent knows the pod
 *                          └─▶ "open", or nobody answers and that is what "allow" says: let free
 */

import type { AddCall, Attachment, CheckCall } from "../../lib/cni/call.ts";
import { warn } from "../../lib/cni/warn.ts";
import { addPending, deletePending, listIsolated } from "../../lib/filter/cluster-pending.ts";
import { formatAddress, type IpAddress, parseAddress } from "../../lib/ip/address.ts";
import { findStale } from "../../lib/net/inventory.ts";
import type { Netns } from "../../lib/net/netns.ts";
import {
  type AttachAnswer,
  askPodAgent,
  findPodAgentFault,
  tellPodGone,
} from "../../lib/state/pod-agent.ts";
import {
  deletePodAttachment,
  listPodAttachments,
  type PodAttachment,
  podShelf,
  readPodAttachment,
  writePodAttachment,
} from "../../lib/state/pod-attachments.ts";
import type { PolicyConfig } from "./config.ts";
import type { JudgedPod } from "./wanted.ts";

type Attaching = Pick<AddCall<PolicyConfig>, "attachment" | "config">;

/** Tells the agent of a pod and waits until it is judged, or for 5 s; the answer may be that it is not yet. */
export function attachPod(
  { attachment, config: { whenUnknown } }: Attaching,
  host: Netns,
  { pod, addresses }: { readonly pod: JudgedPod; readonly addresses: readonly IpAddress[] },
): void {
  const { agent, ...names } = pod;
  const texts = addresses.map(formatAddress);
  const record = {
    ...attachment,
    ...names,
    ...{ addresses: texts, whenUnknown, isIsolated: true },
  };
  const before = readPodAttachment(agent, attachment);
  writePodAttachment(agent, record);
  addPending(host, addresses);
  if (before) free(agent, host, { ...before, addresses: without(before.addresses, texts) });
  const answer = askPodAgent(agent, record);
  heed(agent, host, {
    record,
    answer: typeof answer === "string" ? alone(record, answer) : answer,
  });
}

/** Where nobody can be asked, there may be policies. */
function alone({ whenUnknown }: PodAttachment, why: string): AttachAnswer {
  return { state: whenUnknown === "allow" ? "open" : "isolated", why };
}

interface Answered {
  readonly record: PodAttachment;
  readonly answer: AttachAnswer;
}

function heed(agent: string, host: Netns, { record, answer }: Answered): void {
  const { state, why = "" } = answer;
  if (state === "enforced") return;
  const pod = `pod ${record.namespace}/${record.name}`;
  if (state === "isolated") {
    warn("policy", `${pod} is isolated until the agent of "${agent}" knows it: ${why}`);
    return;
  }
  warn("policy", `${pod} is let through without policies of its cluster: ${why}`);
  free(agent, host, record);
  if (readPodAttachment(agent, record)) {
    writePodAttachment(agent, { ...record, isIsolated: false });
  }
}

/** Lets addresses free, but for those that another attachment has by now. */
function free(agent: string, host: Netns, { addresses, ...owner }: PodAttachment): void {
  const others = listPodAttachments(agent).filter(
    (each) => each.containerID !== owner.containerID || each.ifName !== owner.ifName,
  );
  const taken = others.flatMap((each) => (each.isIsolated ? each.addresses : []));
  const freed = without(addresses, taken).flatMap((text) => parseAddress(text) ?? []);
  if (freed.length > 0) deletePending(host, freed);
}

function without(texts: readonly string[], others: readonly string[]): readonly string[] {
  return texts.filter((text) => !others.includes(text));
}

/** Ends what is kept of a pod, and tells the agent; nothing is fine. */
export function detachPod(agent: string, host: Netns, attachment: Attachment): void {
  const record = readPodAttachment(agent, attachment);
  deletePodAttachment(agent, attachment);
  if (!record) return;
  if (record.isIsolated) free(agent, host, record);
  tellPodGone(agent, record);
}

/** What a pod lacks that is to be isolated until it is known, in words. */
export function findPodFault(
  { attachment }: Pick<CheckCall<PolicyConfig>, "attachment">,
  host: Netns,
  agent: string,
): string | undefined {
  const record = readPodAttachment(agent, attachment);
  if (!record?.isIsolated) return undefined;
  const pending = listIsolated(host);
  const open = record.addresses.find((each) => !pending.has(each));
  // The agent writes that it is free after it has freed it.
  if (open === undefined || !readPodAttachment(agent, attachment)?.isIsolated) return undefined;
  return `${open} is not isolated, though its cluster does not know the pod`;
}

/** Isolates a pod again that is to be. */
export function isolatePod(host: Netns, agent: string, attachment: Attachment): void {
  const { isIsolated, addresses = [] } = readPodAttachment(agent, attachment) ?? {};
  if (isIsolated)
    addPending(
      host,
      addresses.flatMap((text) => parseAddress(text) ?? []),
    );
}

/** Ends what is kept of all pods of a network but those of valid attachments. */
export function collectPods(
  agent: string,
  host: Netns,
  { network, valid }: { readonly network: string; readonly valid: readonly Attachment[] },
): void {
  for (const stale of findStale(podShelf(agent), network, valid)) detachPod(agent, host, stale);
}

export { findPodAgentFault };
