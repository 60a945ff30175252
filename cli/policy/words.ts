/** What network policies say, for people. */

import type { Answer, End, EndAnswer, PolicyAnswer, Question } from "../../agent/policy/explain.ts";
import type { Pod } from "../../agent/policy/objects.ts";
import { fullName } from "../../agent/policy/policy.ts";

/** What policies say of a pod, line by line. */
export function podLines(pod: Pod, ends: readonly EndAnswer[]): readonly string[] {
  const { addresses, node } = pod;
  const where = [addresses.join(" "), node === "" ? "" : `on ${node}`].filter(
    (text) => text !== "",
  );
  const first = [`pod ${fullName(pod)}`, ...where].join("  ");
  const note = ends[0]?.note;
  const notes = note === undefined ? [] : [`  ${note}`];
  return [first, ...notes, ...ends.flatMap((end) => [`  ${stateOf(end)}`, ...rulesOf(end)])];
}

function stateOf({ direction, isIsolated }: EndAnswer): string {
  const state = isIsolated ? "isolated, allowed is" : "not isolated: everything is allowed";
  return `${direction}: ${state}`;
}

function rulesOf({ policies }: EndAnswer): readonly string[] {
  return policies.flatMap(({ policy, fault, rules }) => {
    if (fault !== undefined) return [`    ${policy}  nothing, it cannot be understood: ${fault}`];
    if (rules.length === 0) return [`    ${policy}  nothing`];
    return rules.map(({ allows }) => `    ${policy}  ${allows}`);
  });
}

/** Whether a connection is let through and why, line by line. */
export function answerLines(question: Question, answer: Answer): readonly string[] {
  const { from, to, protocol, port } = question;
  const what = port === undefined ? `${protocol}, some port` : `${protocol} port ${port}`;
  const verdict = answer.isLetThrough ? "let through" : "forbidden";
  const first = `${nameOf(from)} to ${nameOf(to)}, ${what}: ${verdict}`;
  if (from.pod && from.pod === to.pod) return [first, "  a pod always reaches itself"];
  return [first, ...answer.ends.flatMap(endLines)];
}

function nameOf({ pod, address }: End): string {
  if (!pod) return address ?? "";
  return address === undefined ? fullName(pod) : `${fullName(pod)} (${address})`;
}

function endLines(end: EndAnswer): readonly string[] {
  const { pod, direction, isIsolated, isLetThrough, note, policies } = end;
  const state = isLetThrough ? "allowed" : "isolated, and nothing allows this";
  const first = `  ${direction} of ${pod}: ${isIsolated ? state : "not isolated"}`;
  const notes = note === undefined ? [] : [`    ${note}`];
  return [first, ...notes, ...policies.flatMap(policyLines)];
}

function policyLines({ policy, fault, rules }: PolicyAnswer): readonly string[] {
  if (fault !== undefined) {
    return [`    ${policy}  allows nothing, it cannot be understood: ${fault}`];
  }
  if (rules.length === 0) return [`    ${policy}  allows nothing`];
  return rules.map(({ allows, hasPeer = true, hasPort = true }) => {
    const missing = [hasPeer ? [] : "not the other side", hasPort ? [] : "not the port"].flat();
    const fit = missing.length === 0 ? "yes" : missing.join(", ");
    return `    ${policy}  ${allows}: ${fit}`;
  });
}
