/** Following network policies in the agent: what it knows is told at a socket. */

import type { EventLoop } from "../../lib/host/epoll.ts";
import { tellHealth } from "../../lib/overlay/watch.ts";
import type { Tell } from "../events.ts";
import type { AgentOptions } from "../options.ts";
import { openPolicyObjects } from "../stores.ts";
import { Followed } from "./followed.ts";
import { NetworkPolicies } from "./network-policies.ts";
import { policySocketOf } from "./sources.ts";

/** What follows policies. */
export interface Following {
  start(): void;
  stop(): void;
  /** Makes the socket again if it is gone. */
  keepSocket(): void;
}

/** Makes what follows policies, if options ask for it. Throws Failure if they cannot be used. */
export function followPolicies(
  loop: EventLoop,
  options: AgentOptions,
  tell: Tell,
): Following | undefined {
  if (!options.networkPolicy) return undefined;
  const followed = new Followed(new NetworkPolicies(""), tell);
  const objects = openPolicyObjects(options.store, loop, followed);
  if (!objects) return undefined;
  const keepSocket = tellHealth(loop, policySocketOf(options.network), () =>
    JSON.stringify(followed.answer),
  );
  return {
    start: () => {
      tell("note", "network policies are followed to be explained, and not enforced");
      objects.start();
    },
    stop: () => objects.stop(),
    keepSocket,
  };
}
