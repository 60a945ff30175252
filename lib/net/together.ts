/** Several requests of rtnetlink in one datagram, each with what its refusal means. */

import type { Outcome } from "../netlink/connection.ts";
import type { NetlinkError } from "../netlink/error.ts";
import type { Request } from "../netlink/message.ts";
import type { Netns } from "./netns.ts";

/** A request, and what becomes of its refusal. */
export interface Step {
  readonly request: Request;
  /** True for a refusal that is fine. */
  readonly tolerates?: (error: NetlinkError) => boolean;
  /** What to throw for any other refusal; the refusal itself if not given. */
  readonly explain?: (error: NetlinkError) => unknown;
}

/** Sends all steps in one datagram, and throws the first refusal that is not tolerated. */
export function performSteps(ns: Netns, steps: readonly Step[]): Outcome[] {
  const outcomes = ns.route.attempt(...steps.map(({ request }) => request));
  steps.forEach(({ tolerates, explain }, i) => {
    const error = outcomes[i]?.error;
    if (error && !tolerates?.(error)) throw explain ? explain(error) : error;
  });
  return outcomes;
}

/** The same; what came back bears the name of its step. */
export function performNamed<Name extends string>(
  ns: Netns,
  steps: Readonly<Record<Name, Step>>,
): Readonly<Record<Name, Outcome>> {
  const outcomes = performSteps(ns, Object.values(steps));
  const names = Object.keys(steps);
  return Object.fromEntries(names.map((name, i) => [name, outcomes[i]])) as Record<Name, Outcome>;
}
