/** What is to be enforced for an attachment, by its result and where it is on this host. */

import { parseArgsLeniently } from "../../lib/cni/args.ts";
import type { Attachment, Request } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import type { Result } from "../../lib/cni/result.ts";
import { cidrsOf, containerIps, hostLinks } from "../../lib/cni/whose.ts";
import { findPolicyPlace } from "../../lib/filter/policy.ts";
import type { Enforced } from "../../lib/filter/policy-wanted.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { holderNote } from "../../lib/net/holder.ts";
import type { Netns } from "../../lib/net/netns.ts";
import type { PolicyConfig } from "./config.ts";

interface Wanted {
  readonly attachment: Attachment;
  readonly config: PolicyConfig;
  readonly request: Request;
  readonly prevResult: Result;
}

/** A pod of Kubernetes as its runtime names it, and the network of the agent that judges it. */
export interface JudgedPod {
  readonly agent: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** The pod that an agent is to judge; undefined where there is none, or the container is no pod of a cluster. */
export function podOf({
  config: { agent },
  request,
}: Pick<Wanted, "config" | "request">): JudgedPod | undefined {
  if (agent === undefined) return undefined;
  const args = parseArgsLeniently(request.environment.args);
  const { K8S_POD_NAMESPACE: namespace, K8S_POD_NAME: name, K8S_POD_UID: uid = "" } = args;
  return namespace && name ? { agent, namespace, name, uid } : undefined;
}

/**
 * What is to be enforced; undefined where the lists say nothing, and no agent judges a pod. Throws CniError (config) if there is
 * something to enforce and packets of the container do not pass this host.
 */
export function enforcedFor(
  { attachment: owner, config, request, prevResult }: Wanted,
  host: Netns,
  container: Netns,
): Enforced | undefined {
  const { policy } = config;
  const hasAgent = podOf({ config, request }) !== undefined;
  if (!policy.ingress && !policy.egress && !hasAgent) return undefined;
  const { ifName } = owner;
  const links = hostLinks(prevResult, ifName);
  const addresses = addressesOf(prevResult, ifName);
  if (addresses.length === 0) throw unenforceable(ifName, "prevResult has no address of it");
  const place = findPolicyPlace(host, { links, container, ifName });
  if (!place) {
    const expected = "prevResult names no port of a bridge and no veth of this host";
    throw unenforceable(ifName, `${expected}, got [${links.join(", ")}]`);
  }
  return { owner, note: holderNote(links, container), addresses, policy, place, hasAgent };
}

/** All addresses of the container: what reaches any of them is judged. */
export function addressesOf(result: Result, ifName: string): readonly IpAddress[] {
  return cidrsOf(containerIps(result, ifName)).map(({ address }) => address);
}

function unenforceable(ifName: string, state: string): CniError {
  const advice = `make sure to chain "policy" behind "bridge" or "ptp"`;
  return new CniError(Code.config, `Cannot enforce a policy for "${ifName}": ${state}; ${advice}`);
}
