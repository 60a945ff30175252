/** Several requests of rtnetlink in one datagram, whose answers are found by name. */

import type { Outcome } from "../netlink/connection.ts";
import type { Request } from "../netlink/message.ts";
import type { Netns } from "./netns.ts";

/** Sends all requests, and throws the first refusal; what came back bears its request's name. */
export function performNamed<Name extends string>(
  ns: Netns,
  requests: Readonly<Record<Name, Request>>,
): Readonly<Record<Name, Outcome>> {
  const outcomes = ns.route.perform(...Object.values<Request>(requests));
  const names = Object.keys(requests);
  return Object.fromEntries(names.map((name, i) => [name, outcomes[i]])) as Record<Name, Outcome>;
}
