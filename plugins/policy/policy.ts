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
import { allOrNothing, asMuchAsPossible } from "../../lib/cni/undo.ts";
import { confirm, requireReady } from "../../lib/cni/verdict.ts";
import { hostLinks } from "../../lib/cni/whose.ts";
import { findBridgedFault } from "../../lib/filter/bridged-packets.ts";
import * as policies from "../../lib/filter/policy.ts";
import { lazily } from "../../lib/host/lazy.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { type PolicyConfig, parsePolicyConfig } from "./config.ts";
import * as schema from "./policy.schema.json";
import { addressesOf, enforcedFor, podOf } from "./wanted.ts";

type Add = Chained<AddCall<PolicyConfig>>;
type Check = Chained<CheckCall<PolicyConfig>>;

function add(call: Add, host: Netns, container: Netns): Result {
  const wanted = enforcedFor(call, host, container);
  if (!wanted) {
    takeBack(call, host);
    return call.prevResult;
  }
  const isRepeated = policies.findPolicyLeft(host, call.attachment, knownOf(call)) !== undefined;
  return allOrNothing((undo) => {
    // What was enforced before is better than nothing.
    if (!isRepeated) undo.before("policy", () => takeBack(call, host));
    policies.addPolicy(host, wanted);
    if (isRepeated) policies.deleteFormerPolicy(host, wanted);
    const pod = podOf(call);
    if (pod) withAgent().attachPod(call, host, { pod, addresses: wanted.addresses });
    return call.prevResult;
  });
}

/** Nothing of it is loaded where no agent judges pods. */
function withAgent() {
  return lazily<typeof import("./policy-agent.lazy.ts")>("policy-agent");
}

function check(call: Check, host: Netns, container: Netns): void {
  const wanted = enforcedFor(call, host, container);
  const fault = wanted
    ? policies.findPolicyFault(host, wanted)
    : policies.findPolicyLeft(host, call.attachment, knownOf(call));
  const pod = podOf(call);
  const podFault = pod && withAgent().findPodFault(call, host, pod.agent);
  confirm(call, fault ?? podFault, "the policy of");
}

function del(call: DelCall<PolicyConfig>, host: Netns): void {
  takeBack(call, host);
}

type Known = Pick<DelCall<PolicyConfig>, "attachment" | "prevResult" | "config">;

/** Its address is judged for as long as it may send by it. */
function takeBack(call: Known, host: Netns): void {
  const { attachment, config } = call;
  const { agent } = config;
  asMuchAsPossible(
    ["delete the policy", () => policies.deletePolicy(host, attachment, knownOf(call))],
    ["forget the pod", () => agent !== undefined && withAgent().detachPod(agent, host, attachment)],
  );
}

function knownOf({ attachment: { ifName }, prevResult = {} }: Known) {
  return { addresses: addressesOf(prevResult, ifName), links: hostLinks(prevResult, ifName) };
}

function gc({ network, valid, config: { agent } }: GcCall<PolicyConfig>, host: Netns): void {
  const ofNetwork = { network, valid };
  asMuchAsPossible(
    ["collect policies", () => policies.collectPolicies(host, network, valid)],
    ["forget pods", () => agent !== undefined && withAgent().collectPods(agent, host, ofNetwork)],
  );
}

/** The containers that are there are without a judge where no rules see what bridges forward. */
function status({ config: { agent } }: StatusCall<PolicyConfig>, host: Netns): void {
  requireReady("enforce a policy", policies.findMissingTables(host));
  const fault = findBridgedFault(host);
  if (fault !== undefined) {
    throw limited(
      `Cannot enforce a policy among the containers of a bridge: ${fault}; load br_netfilter`,
    );
  }
  const podFault = agent === undefined ? undefined : withAgent().findPodAgentFault(agent);
  if (podFault === undefined) return;
  throw limited(`Cannot enforce network policies for pods: ${podFault}; new pods are isolated`);
}

function limited(message: string): CniError {
  return new CniError(Code.limitedConnectivity, message);
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
