/** The policy of an attachment, made again where somebody has flushed rules, or the file has changed. */

import { type Made, mending, type Part, type Sides } from "../../lib/cni/mend.ts";
import * as policies from "../../lib/filter/policy.ts";
import { type PolicyConfig, parsePolicyConfig } from "./config.ts";
import * as schema from "./policy.schema.json";
import { enforcedFor } from "./wanted.ts";

function partsOf(call: Made<PolicyConfig>, { host, container }: Sides): readonly Part[] {
  const wanted = enforcedFor(call, host, container);
  if (!wanted) return [];
  return [
    {
      what: "policy of the container",
      fault: () => policies.findPolicyFault(host, wanted),
      make: () => policies.addPolicy(host, wanted),
    },
  ];
}

export const mend = mending<PolicyConfig>(
  { name: "policy", schema, parseConfig: parsePolicyConfig },
  partsOf,
);
