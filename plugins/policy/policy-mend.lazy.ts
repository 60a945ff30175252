/** The policy of an attachment, made again where somebody has flushed rules, or the file has changed. */

import { type Made, mending, type Part, type Sides } from "../../lib/cni/mend.ts";
import * as policies from "../../lib/filter/policy.ts";
import { lazily } from "../../lib/host/lazy.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { type PolicyConfig, parsePolicyConfig } from "./config.ts";
import * as schema from "./policy.schema.json";
import { enforcedFor, podOf } from "./wanted.ts";

function partsOf(call: Made<PolicyConfig>, { host, container }: Sides): readonly Part[] {
  const wanted = enforcedFor(call, host, container);
  if (!wanted) return [];
  const pod = podOf(call);
  return [
    {
      what: "policy of the container",
      fault: () => policies.findPolicyFault(host, wanted),
      make: () => policies.addPolicy(host, wanted),
    },
    ...(pod ? [podPart(call, host, pod.agent)] : []),
  ];
}

/** Rules of a pod that is known are the agent's to mend. */
function podPart(call: Made<PolicyConfig>, host: Netns, agent: string): Part {
  const pods = lazily<typeof import("./policy-agent.lazy.ts")>("policy-agent");
  return {
    what: "isolation of the pod",
    fault: () => pods.findPodFault(call, host, agent),
    make: () => pods.isolatePod(host, agent, call.attachment),
  };
}

export const mend = mending<PolicyConfig>(
  { name: "policy", schema, parseConfig: parsePolicyConfig },
  partsOf,
);
