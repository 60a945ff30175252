/**
 * policy: which connections a container may have, by lists of what is denied and allowed.
 *
 *   others    ──▶  ingress: deny, allow   ──▶  the container's addresses
 *   container ──▶  its own address as source  ──▶  egress: deny, allow  ──▶  others
 *
 * Afterwards each address leads to the attachment's own chain in `inet weft`, and each port of a bridge
 * to one in `bridge weft`, so that no other address and no tag is a way around. The host itself always
 * reaches the container, and is reached.
 */

import type {
  AddCall,
  Chained,
  CheckCall,
  DelCall,
  GcCall,
  StatusCall,
} from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import type { Result } from "../../lib/cni/result.ts";
import { chainedPlugin } from "../../lib/cni/run.ts";
import { allOrNothing } from "../../lib/cni/undo.ts";
import { confirm, requireReady } from "../../lib/cni/verdict.ts";
import { hostLinks } from "../../lib/cni/whose.ts";
import { findBridgedFault } from "../../lib/filter/bridged-packets.ts";
import * as policies from "../../lib/filter/policy.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { type PolicyConfig, parsePolicyConfig } from "./config.ts";
import * as schema from "./policy.schema.json";
import { addressesOf, enforcedFor } from "./wanted.ts";

type Add = Chained<AddCall<PolicyConfig>>;
type Check = Chained<CheckCall<PolicyConfig>>;

function add(call: Add, host: Netns, container: Netns): Result {
  const wanted = enforcedFor(call, host, container);
  if (!wanted) {
    takeBack(call, host);
    return call.prevResult;
  }
  return allOrNothing((undo) => {
    undo.before("policy", () => takeBack(call, host));
    policies.addPolicy(host, wanted);
    return call.prevResult;
  });
}

function check(call: Check, host: Netns, container: Netns): void {
  const wanted = enforcedFor(call, host, container);
  const fault = wanted
    ? policies.findPolicyFault(host, wanted)
    : policies.findPolicyLeft(host, call.attachment, knownOf(call));
  confirm(call, fault, "the policy of");
}

function del(call: DelCall<PolicyConfig>, host: Netns): void {
  takeBack(call, host);
}

type Known = Pick<DelCall<PolicyConfig>, "attachment" | "prevResult">;

function takeBack(call: Known, host: Netns): void {
  policies.deletePolicy(host, call.attachment, knownOf(call));
}

function knownOf({ attachment: { ifName }, prevResult = {} }: Known) {
  return { addresses: addressesOf(prevResult, ifName), links: hostLinks(prevResult, ifName) };
}

function gc({ network, valid }: GcCall<PolicyConfig>, host: Netns): void {
  policies.collectPolicies(host, network, valid);
}

/** The containers that are there are without a judge where packets of bridges pass no rules. */
function status(_call: StatusCall<PolicyConfig>, host: Netns): void {
  requireReady("enforce a policy", policies.findMissingTables(host));
  const fault = findBridgedFault(host);
  if (fault === undefined) return;
  const message = `Cannot enforce a policy among the containers of a bridge: ${fault}; load it`;
  throw new CniError(Code.limitedConnectivity, message);
}

export const { main, handle, configuration } = chainedPlugin<PolicyConfig>({
  name: "policy",
  schema,
  parseConfig: parsePolicyConfig,
  add,
  check,
  del,
  gc,
  status,
});
