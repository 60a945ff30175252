/** Why a connection is let through or not: which policies isolate its ends, and what their rules say. */

import type { NetworkPolicies } from "./network-policies.ts";
import { type Pod, portsNamed } from "./objects.ts";
import { isInBlock, isPeer } from "./peers.ts";
import {
  type Direction,
  fullName,
  isBlock,
  isNamed,
  type Policy,
  type PolicyPeer,
  type PolicyPort,
  type PolicyRule,
  type Protocol,
} from "./policy.ts";
import { ruleWords } from "./words.ts";

/** One end of a connection: a pod, an address of one, or one of somebody else. */
export interface End {
  readonly pod: Pod | undefined;
  /** As text; undefined of a pod that has none yet. */
  readonly address: string | undefined;
}

/** A connection. */
export interface Question {
  readonly from: End;
  readonly to: End;
  readonly protocol: Protocol;
  /** Undefined: is there any port? */
  readonly port: number | undefined;
}

export interface Answer {
  readonly isLetThrough: boolean;
  /** What the sender's policies say, and the receiver's, as far as these are pods. */
  readonly ends: readonly EndAnswer[];
}

/** What is said of a pod in one direction. */
export interface EndAnswer {
  readonly pod: string;
  readonly direction: Direction;
  readonly isIsolated: boolean;
  readonly isLetThrough: boolean;
  /** What else is to be known. */
  readonly note: string | undefined;
  /** Those that isolate it. */
  readonly policies: readonly PolicyAnswer[];
}

/** What a policy says of a direction. */
export interface PolicyAnswer {
  readonly policy: string;
  /** Why it cannot be understood. */
  readonly fault: string | undefined;
  readonly rules: readonly RuleAnswer[];
}

/** What a rule allows, in words; of a connection, whether the other side and the port are among it. */
export interface RuleAnswer {
  readonly allows: string;
  readonly hasPeer?: boolean;
  readonly hasPort?: boolean;
}

/** Answers whether a connection is let through, and why. */
export function explain(known: NetworkPolicies, question: Question): Answer {
  const { from, to } = question;
  const isOwn = from.pod !== undefined && from.pod === to.pod;
  const ends = [
    ...(from.pod ? [endAnswer(known, from.pod, { direction: "egress", question })] : []),
    ...(to.pod ? [endAnswer(known, to.pod, { direction: "ingress", question })] : []),
  ];
  return { isLetThrough: isOwn || ends.every((end) => end.isLetThrough), ends };
}

/** What policies say of a pod, whoever the other side is. */
export function describe(known: NetworkPolicies, pod: Pod): readonly EndAnswer[] {
  return (["ingress", "egress"] as const).map((direction) => endAnswer(known, pod, { direction }));
}

interface About {
  readonly direction: Direction;
  readonly question?: Question;
}

function endAnswer(known: NetworkPolicies, pod: Pod, about: About): EndAnswer {
  const { direction } = about;
  const isUnread = pod.fault !== undefined;
  const choosing = isUnread
    ? known.policies.inNamespace(pod.namespace)
    : known.policies.choosing(pod);
  const policies = choosing.filter((policy) => policy[direction]);
  const answers = policies
    .map((policy) => policyAnswer(known, policy, about))
    .sort((a, b) => (a.policy < b.policy ? -1 : 1));
  const isAllowed = answers.some(({ rules }) => rules.some(isMet)) && !isUnread;
  return {
    pod: fullName(pod),
    direction,
    isIsolated: policies.length > 0,
    isLetThrough: policies.length === 0 || isAllowed,
    note: noteOf(known, pod),
    policies: answers,
  };
}

function isMet({ hasPeer = true, hasPort = true }: RuleAnswer): boolean {
  return hasPeer && hasPort;
}

function noteOf({ cluster }: NetworkPolicies, pod: Pod): string | undefined {
  if (pod.fault !== undefined) return `${pod.fault}, so it is allowed nothing where it is isolated`;
  if (pod.absence !== undefined) return `it ${pod.absence}, so no policy chooses it`;
  for (const address of pod.addresses) {
    const others = cluster.podsAt(address).filter((each) => each !== pod);
    if (others.length > 0)
      return `${others.map(fullName).join(", ")} has its address ${address}, too`;
  }
  return pod.addresses.length === 0 ? "it has no address yet" : undefined;
}

function policyAnswer(known: NetworkPolicies, policy: Policy, about: About): PolicyAnswer {
  const rules = (policy[about.direction] ?? []).map((rule) => ruleAnswer(known, rule, about));
  return { policy: fullName(policy), fault: policy.fault, rules };
}

function ruleAnswer(known: NetworkPolicies, rule: PolicyRule, about: About): RuleAnswer {
  const { direction, question } = about;
  const allows = ruleWords(rule, direction);
  if (!question) return { allows };
  const other = direction === "ingress" ? question.from : question.to;
  return {
    allows,
    hasPeer: rule.peers?.some((peer) => isOther(known, peer, other)) ?? true,
    hasPort: rule.ports?.some((port) => isPortOf(known, port, question)) ?? true,
  };
}

/** Of an address that several pods have, each of them has to be meant. */
function isOther({ cluster }: NetworkPolicies, peer: PolicyPeer, end: End): boolean {
  const { address = "" } = end;
  if (isBlock(peer)) return isInBlock(peer, address);
  const pods = podsOf(cluster, end);
  return pods.length > 0 && pods.every((pod) => isPeer(cluster, peer, { pod, address }));
}

function podsOf(cluster: NetworkPolicies["cluster"], { pod, address }: End): readonly Pod[] {
  const pods = address === undefined ? [] : cluster.podsAt(address);
  return pods.length === 0 && pod ? [pod] : pods;
}

function isPortOf({ cluster }: NetworkPolicies, port: PolicyPort, question: Question): boolean {
  const { protocol, port: number, to } = question;
  if (port.protocol !== protocol) return false;
  if (isNamed(port)) {
    const pods = podsOf(cluster, to);
    const has = (pod: Pod) => {
      const numbers = portsNamed(pod, port);
      return number === undefined ? numbers.length > 0 : numbers.includes(number);
    };
    return pods.length > 0 && pods.every(has);
  }
  if (number === undefined || !port.range) return true;
  return number >= port.range[0] && number <= port.range[1];
}
